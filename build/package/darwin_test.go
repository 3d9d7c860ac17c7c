package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/installer/macos"
)

func macJob(t *testing.T) *job {
	t.Helper()
	return &job{release: release{Version: "1.2.3+4", Made: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)},
		target: target{"darwin", "arm64"}, dir: t.TempDir(), out: t.TempDir()}
}

// What is written is what the commands read.
func TestMacLayout(t *testing.T) {
	j := macJob(t)
	programs := map[string][]byte{"holdfastd": []byte("service"), "holdfast": []byte("command"), "holdfast-tray": []byte("tray")}
	if err := j.writeMac(programs, tree{"LICENSE.txt": text("MIT")}); err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	err := filepath.WalkDir(j.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			got[strings.TrimPrefix(path, j.dir+"/")] = info.Mode()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const home, app = "payload/Library/Application Support/Holdfast/bin/", "payload/Applications/Holdfast.app/Contents/"
	want := map[string]fs.FileMode{
		home + "holdfastd": 0o755, home + "holdfast": 0o755, home + "uninstall.sh": 0o755, home + "LICENSE.txt": 0o644,
		app + "MacOS/holdfast-tray": 0o755, app + "Info.plist": 0o644, app + "Resources/holdfast.icns": 0o644,
		"payload/Library/LaunchDaemons/org.holdfast.holdfastd.plist": 0o644, "payload/Library/LaunchAgents/org.holdfast.tray.plist": 0o644,
		"scripts/preinstall": 0o755, "scripts/postinstall": 0o755,
		"told/component.plist": 0o644, "told/distribution.xml": 0o644, "told/LICENSE.txt": 0o644,
	}
	for name, mode := range want {
		if got[name] != mode {
			t.Errorf("%s has mode %v, want %v", name, got[name], mode)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is not wanted", name)
	}
	for _, command := range j.macCommands(environment()) {
		for _, arg := range command {
			if strings.HasPrefix(arg, "payload") || strings.HasPrefix(arg, "told") || arg == "scripts" {
				if _, err := os.Stat(filepath.Join(j.dir, arg)); err != nil {
					t.Errorf("%s reads what is not there: %v", command[0], err)
				}
			}
		}
	}
}

// Every program is signed before it is packed, and the package before Apple sees it.
func TestMacCommands(t *testing.T) {
	names := func(commands [][]string) (all []string) {
		for _, c := range commands {
			name := filepath.Base(c[0])
			if name == "xcrun" {
				name = c[1]
			}
			all = append(all, name)
		}
		return all
	}
	j := macJob(t)
	plain := j.macCommands(environment())
	if got, want := names(plain), []string{"codesign", "codesign", "codesign", "pkgbuild", "productbuild"}; !slices.Equal(got, want) {
		t.Errorf("without keys: %v, want %v", got, want)
	}
	for _, c := range plain[:3] {
		if !strings.Contains(strings.Join(c, " "), "--sign - ") {
			t.Errorf("without keys: %v", c)
		}
	}
	signed := j.macCommands(environment(macAppIdentity, "App", macInstallerIdentity, "Installer", macNotaryProfile, "apple"))
	if got, want := names(signed), []string{"codesign", "codesign", "codesign", "pkgbuild", "productbuild", "notarytool", "stapler"}; !slices.Equal(got, want) {
		t.Errorf("with keys: %v, want %v", got, want)
	}
	var paths []string
	for _, c := range signed[:3] {
		if !strings.Contains(strings.Join(c, " "), "--options runtime --sign App ") {
			t.Errorf("with keys: %v", c)
		}
		paths = append(paths, c[len(c)-1])
	}
	if want := []string{"payload" + macos.Programs + "/holdfastd", "payload" + macos.Programs + "/holdfast", "payload" + macos.App}; !slices.Equal(paths, want) {
		t.Errorf("signs %v, want %v", paths, want)
	}
	if product := strings.Join(signed[4], " "); !strings.Contains(product, "--sign Installer") || !strings.HasSuffix(product, "holdfast-1.2.3+4-macos-arm64.pkg") {
		t.Errorf("got %s", product)
	}
}

// The archive holds what was packed, with its modes.
func TestMacArchive(t *testing.T) {
	j := macJob(t)
	if err := j.writeMac(map[string][]byte{"holdfastd": []byte("service")}, nil); err != nil {
		t.Fatal(err)
	}
	files := tree{}
	if err := files.read(filepath.Join(j.dir, "payload", macos.Programs)); err != nil {
		t.Fatal(err)
	}
	if f := files["holdfastd"]; f.mode != 0o755 || string(f.data) != "service" {
		t.Errorf("got %v", f)
	}
	if err := files.read(filepath.Join(j.dir, "none")); err == nil {
		t.Error("a folder that is not there is read")
	}
	if err := os.WriteFile(filepath.Join(j.dir, j.macName()+".pkg"), []byte("xar!"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.macArchive(tree{"LICENSE.txt": text("MIT")}); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".pkg", ".tar.gz"} {
		if info, err := os.Stat(filepath.Join(j.out, "holdfast-1.2.3+4-macos-arm64"+ending)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", ending, err)
		}
	}
}
