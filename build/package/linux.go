package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"holdfast/app/tray/icon"
	"holdfast/installer/linux"
)

//go:embed linux
var linuxFiles embed.FS

// crossCompilers are the C compilers of Debian for other processors than this
// computer's; the history is kept by SQLite, which is written in C.
var crossCompilers = map[string]string{
	"amd64": "x86_64-linux-gnu-gcc",
	"arm64": "aarch64-linux-gnu-gcc",
}

// linuxJob is a job for Linux: what all its kinds of package share.
type linuxJob struct {
	*job
	programs map[string][]byte // by name
	legal    legal
	// shared are files below a prefix, "bin/holdfast" of /usr or /usr/local.
	shared tree
	// glibc is the oldest version that the programs run with, "2.34".
	glibc string
}

// makeLinux makes the packages for a Linux system.
func makeLinux(ctx context.Context, j *job) error {
	l := &linuxJob{job: j}
	for _, step := range []func(context.Context) error{l.buildPrograms, l.readLegal, l.fillShared, l.deb, l.rpm, l.tarball} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return j.writeBill(l.programs, l.legal)
}

// buildPrograms builds the programs as Linux distributions want theirs: loaded
// at any address, with all symbols bound before they run.
func (l *linuxJob) buildPrograms(ctx context.Context) error {
	env := []string{"CGO_ENABLED=1"}
	if l.arch != runtime.GOARCH || runtime.GOOS != "linux" {
		cc, ok := crossCompilers[l.arch]
		if !ok {
			return fmt.Errorf("no C compiler for %s is known", l.arch)
		}
		if _, err := exec.LookPath(cc); err != nil {
			return fmt.Errorf("needs a C compiler for %s: %w", l.arch, err)
		}
		env = append(env, "CC="+cc)
	}
	l.programs = map[string][]byte{}
	for name := range programs {
		data, err := l.build(ctx, name, env, []string{"-buildmode=pie", l.linkerFlags("-extldflags=-Wl,-z,relro,-z,now")})
		if err != nil {
			return err
		}
		l.programs[name] = data
		needs, err := glibcOf(data)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if laterGlibc(needs, l.glibc) {
			l.glibc = needs
		}
	}
	return nil
}

// glibcOf is the oldest glibc that a program runs with, by the versions of the
// symbols that it takes from there.
func glibcOf(program []byte) (string, error) {
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return "", err
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", err
	}
	latest := ""
	for _, s := range symbols {
		if version, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && laterGlibc(version, latest) {
			latest = version
		}
	}
	return latest, nil
}

// laterGlibc compares "2.34" and "2.4" by their numbers; "" is before all.
func laterGlibc(a, b string) bool {
	var aMajor, aMinor, bMajor, bMinor int
	_, _ = fmt.Sscanf(a, "%d.%d", &aMajor, &aMinor)
	_, _ = fmt.Sscanf(b, "%d.%d", &bMajor, &bMinor)
	return aMajor > bMajor || aMajor == bMajor && aMinor > bMinor
}

func (l *linuxJob) readLegal(ctx context.Context) (err error) {
	l.legal, err = l.findLegal(ctx, l.programs)
	return err
}

// fillShared gathers what every kind of package installs.
func (l *linuxJob) fillShared(ctx context.Context) error {
	l.shared = tree{
		"share/applications/holdfast-tray.desktop":       text(l.fill("holdfast-tray.desktop")),
		"share/icons/hicolor/scalable/apps/holdfast.svg": text(icon.SVG()),
		"share/man/man8/holdfastd.8.gz":                  text(squeeze(l.fill("holdfastd.8"))),
		"share/man/man1/holdfast-tray.1.gz":              text(squeeze(l.fill("holdfast-tray.1"))),
	}
	for name, data := range l.programs {
		l.shared["bin/"+name] = file{0o755, data}
	}
	for _, size := range []int{16, 24, 32, 48, 64, 128, 256} {
		name := fmt.Sprintf("share/icons/hicolor/%dx%d/apps/holdfast.png", size, size)
		l.shared[name] = file{0o644, icon.PNG(icon.Protected, icon.Colour, size)}
	}
	return l.askHoldfast(ctx)
}

// askHoldfast has the command line write its manual and its completion scripts.
func (l *linuxJob) askHoldfast(ctx context.Context) error {
	holdfast := filepath.Join(l.dir, "holdfast")
	if l.arch != runtime.GOARCH || runtime.GOOS != "linux" {
		// One that runs here says the same.
		holdfast += "-here"
		if _, err := output(ctx, l.root, "go", "build", "-o", holdfast, programs["holdfast"]); err != nil {
			return err
		}
	}
	for shell, to := range map[string]string{
		"bash": "share/bash-completion/completions/holdfast",
		"zsh":  zshCompletion,
		"fish": "share/fish/vendor_completions.d/holdfast.fish",
	} {
		script, err := output(ctx, l.root, holdfast, "completion", shell)
		if err != nil {
			return err
		}
		l.shared[to] = text(script)
	}
	manual := filepath.Join(l.dir, "man")
	if _, err := outputWith(ctx, l.root, []string{l.epoch()}, holdfast, "man", manual); err != nil {
		return err
	}
	pages, err := os.ReadDir(manual)
	if err != nil {
		return err
	}
	for _, page := range pages {
		data, err := os.ReadFile(filepath.Join(manual, page.Name()))
		if err != nil {
			return err
		}
		l.shared["share/man/man1/"+page.Name()+".gz"] = text(squeeze(string(data)))
	}
	return nil
}

// zshCompletion is where zsh itself looks; Debian's looks elsewhere.
const zshCompletion = "share/zsh/site-functions/_holdfast"

// fill reads a file of this package's folder linux and fills in what is known of
// the release.
func (l *linuxJob) fill(name string) string {
	data, err := linuxFiles.ReadFile(path.Join("linux", name))
	if err != nil {
		panic(err) // it is embedded
	}
	return strings.NewReplacer("@VERSION@", l.Version, "@DATE@", l.Made.Format("2006-01-02"), "@ARCH@", l.arch,
		"@GLIBC@", l.glibc).Replace(string(data))
}

// system is what a package installs that the package manager keeps: all below
// /usr, the units, the group, and the entry that starts the tray at login.
func (l *linuxJob) system() tree {
	const program = "/usr/bin/holdfastd"
	files := tree{
		"etc/xdg/autostart/holdfast-tray.desktop":   text(l.fill("autostart.desktop")),
		"usr/lib/systemd/system/" + linux.Service:   text(linux.Text(linux.Service, program)),
		"usr/lib/systemd/system/" + linux.EarlyBoot: text(linux.Text(linux.EarlyBoot, program)),
		"usr/lib/sysusers.d/" + linux.Group:         text(linux.Text(linux.Group, program)),
	}
	for name, f := range l.shared {
		files["usr/"+name] = f
	}
	return files
}

// squeeze compresses a text as well as gzip can, without a name and a time.
func squeeze(content string) string {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is one
	}
	_, _ = z.Write([]byte(content)) // a Buffer takes all
	_ = z.Close()
	return b.String()
}
