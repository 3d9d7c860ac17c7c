package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"holdfast/app/tray/icon"
	"holdfast/installer/windows"
)

// windowsCompilers are the C compilers that make programs for Windows, where this
// is not Windows.
var windowsCompilers = map[string]string{"amd64": "x86_64-w64-mingw32-gcc"}

// makeWindows makes the installer of Windows, and an archive of what is in it.
//
// Beside the Go tool it needs wixl and msibuild of msitools; wintun.dll, see
// wintun.go; and go-winres of build/tools. With keys, it signs; see authenticode.go.
func makeWindows(ctx context.Context, j *job) error {
	signer, err := signerOf(os.Getenv)
	if err != nil {
		return err
	}
	wintun, err := findWintun(ctx, os.Getenv, j.arch)
	if err != nil {
		return err
	}
	files, err := j.windowsPrograms(ctx, signer)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(j.root, "LICENSE"))
	if err != nil {
		return err
	}
	files["wintun.dll"] = file{0o644, wintun.library}
	files["wintun-LICENSE.txt"] = file{0o644, dosText(wintun.licence)}
	files["LICENSE.txt"] = file{0o644, dosText(licence)}
	if err := files.write(filepath.Join(j.dir, "files"), j.Made); err != nil {
		return err
	}
	return j.msi(ctx, files, signer)
}

// windowsPrograms builds the three programs, gives them their resources and signs
// them.
func (j *job) windowsPrograms(ctx context.Context, signer *signer) (tree, error) {
	env := []string{"CGO_ENABLED=1"}
	if runtime.GOOS != "windows" {
		cc, ok := windowsCompilers[j.arch]
		if !ok {
			return nil, fmt.Errorf("holdfastd for %s is built on Windows itself: no C compiler for it is known elsewhere", j.target)
		}
		if _, err := exec.LookPath(cc); err != nil {
			return nil, fmt.Errorf("needs a C compiler for %s: %w", j.target, err)
		}
		env = append(env, "CC="+cc)
	}
	built := tree{}
	for _, p := range windowsResources {
		name := p.name + ".exe"
		flags := j.linkerFlags()
		if p.desktop {
			flags = j.linkerFlags("-H windowsgui")
		}
		if _, err := j.build(ctx, p.name, env, []string{flags}); err != nil {
			return nil, err
		}
		path := filepath.Join(j.dir, name)
		if err := os.Rename(filepath.Join(j.dir, p.name), path); err != nil {
			return nil, err
		}
		if err := j.addResources(ctx, path, p); err != nil {
			return nil, err
		}
		if err := signer.sign(ctx, path, p.description); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		built[name] = file{0o755, data}
	}
	return built, nil
}

// programIcon is the icon of the programs and of the installer.
func programIcon() []byte {
	return icon.ICO(icon.Protected, icon.Colour, append([]int{64, 128}, icon.IcoSizes...)...)
}

// dosText ends each line as old programs of Windows want it.
func dosText(text []byte) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n"))
}

// installer describes the installer of these files.
func (j *job) installer(files tree) windows.Installer {
	all := sha256.New()
	for _, name := range files.paths() {
		fmt.Fprintf(all, "%s %x\n", name, sha256.Sum256(files[name].data))
	}
	return windows.Installer{
		Version: j.numeric(), FileVersion: j.fileVersion(), Contents: j.arch + " " + hex.EncodeToString(all.Sum(nil)),
	}
}

// fileVersion is the version as resources of Windows hold it: of four numbers, the
// last one that of the commits since the tag.
func (r release) fileVersion() string {
	numbers, since, _ := strings.Cut(r.Version, "+")
	if since == "" {
		since = "0"
	}
	return numbers + "." + since
}
