package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/app/tray/icon"
	"holdfast/installer/windows"
)

// windowsCompilers are the C compilers of Debian that make programs for Windows.
var windowsCompilers = map[string]string{"amd64": "x86_64-w64-mingw32-gcc"}

// windowsCC names another C compiler for Windows, with its arguments. Debian has
// none for arm64; "zig cc -target aarch64-windows-gnu" is one.
const windowsCC = "HOLDFAST_WINDOWS_CC"

// makeWindows makes the installer of Windows.
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
	programs, err := j.windowsPrograms(ctx)
	if err != nil {
		return err
	}
	legal, err := j.findLegal(ctx, programs)
	if err != nil {
		return err
	}
	files, err := j.windowsFiles(ctx, programs, wintun, signer)
	if err != nil {
		return err
	}
	files["THIRD-PARTY.txt"] = file{0o644, dosText([]byte(legal.notice()))}
	if err := j.msi(ctx, files, signer); err != nil {
		return err
	}
	for name := range programs {
		programs[name] = files[name+".exe"].data
	}
	return j.writeBill(programs, append(legal, wintun.part()))
}

// windowsPrograms builds the three programs, and returns them by name.
func (j *job) windowsPrograms(ctx context.Context) (map[string][]byte, error) {
	cc := cmp.Or(os.Getenv(windowsCC), windowsCompilers[j.arch])
	if cc == "" {
		return nil, fmt.Errorf("no C compiler for %s is known: name one by %s", j.target, windowsCC)
	}
	if _, err := exec.LookPath(strings.Fields(cc)[0]); err != nil {
		return nil, fmt.Errorf("needs a C compiler for %s: %w", j.target, err)
	}
	env := []string{"CGO_ENABLED=1", "CC=" + cc}
	built := map[string][]byte{}
	for _, p := range windowsResources {
		flags := j.linkerFlags()
		if p.desktop {
			flags = j.linkerFlags("-H windowsgui")
		}
		data, err := j.build(ctx, p.name, env, []string{flags})
		if err != nil {
			return nil, err
		}
		built[p.name] = data
	}
	return built, nil
}

// windowsFiles are what the folder of an installation holds: the programs with
// their resources, and signed, and what belongs to them.
func (j *job) windowsFiles(ctx context.Context, programs map[string][]byte, w wintun, signer *signer) (tree, error) {
	licence, err := os.ReadFile(filepath.Join(j.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	files := tree{
		"wintun.dll":         file{0o644, w.library},
		"wintun-LICENSE.txt": file{0o644, dosText(w.licence)},
		"LICENSE.txt":        file{0o644, dosText(licence)},
	}
	for _, p := range windowsResources {
		path := filepath.Join(j.dir, p.name+".exe")
		if err := os.WriteFile(path, programs[p.name], 0o755); err != nil {
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
		files[p.name+".exe"] = file{0o755, data}
	}
	return files, nil
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
