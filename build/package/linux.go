package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"holdfast/installer/linux"
)

// crossCompilers are the C compilers of Debian for other processors than this
// computer's; the history is kept by SQLite, which is written in C.
var crossCompilers = map[string]string{
	"amd64": "x86_64-linux-gnu-gcc",
	"arm64": "aarch64-linux-gnu-gcc",
}

// makeLinux makes the packages for a Linux system.
func makeLinux(ctx context.Context, j *job) error {
	built, err := j.linuxPrograms(ctx)
	if err != nil {
		return err
	}
	files := tree{
		"usr/lib/systemd/system/" + linux.Service:   text(linux.Text(linux.Service, "/usr/bin/holdfastd")),
		"usr/lib/systemd/system/" + linux.EarlyBoot: text(linux.Text(linux.EarlyBoot, "/usr/bin/holdfastd")),
		"usr/lib/sysusers.d/" + linux.Group:         text(linux.Text(linux.Group, "/usr/bin/holdfastd")),
	}
	for name, data := range built {
		files["usr/bin/"+name] = file{0o755, data}
	}
	return j.tarball(files)
}

// linuxPrograms builds the programs as Linux distributions want theirs: loaded
// at any address, with all symbols bound before they run.
func (j *job) linuxPrograms(ctx context.Context) (map[string][]byte, error) {
	env := []string{"CGO_ENABLED=1"}
	if j.arch != runtime.GOARCH || runtime.GOOS != "linux" {
		cc, ok := crossCompilers[j.arch]
		if !ok {
			return nil, fmt.Errorf("no C compiler for %s is known", j.arch)
		}
		if _, err := exec.LookPath(cc); err != nil {
			return nil, fmt.Errorf("needs a C compiler for %s: %w", j.arch, err)
		}
		env = append(env, "CC="+cc)
	}
	built := map[string][]byte{}
	for name := range programs {
		data, err := j.build(ctx, name, env, []string{"-buildmode=pie", j.linkerFlags("-extldflags=-Wl,-z,relro,-z,now")})
		if err != nil {
			return nil, err
		}
		built[name] = data
	}
	return built, nil
}

// tarball makes the archive for systems without deb and rpm.
func (j *job) tarball(files tree) error {
	name := fmt.Sprintf("holdfast-%s-linux-%s", j.Version, j.arch)
	f, err := os.Create(filepath.Join(j.out, name+".tar.gz"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := files.tarGz(f, name, j.Made); err != nil {
		return err
	}
	return f.Close()
}
