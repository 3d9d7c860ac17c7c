package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// rpm makes the package for Fedora, openSUSE and what follows them.
func (l *linuxJob) rpm(ctx context.Context) error {
	files := l.system()
	license, err := os.ReadFile(filepath.Join(l.root, "LICENSE"))
	if err != nil {
		return err
	}
	changes, err := os.ReadFile(filepath.Join(l.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	files["usr/share/licenses/holdfast/LICENSE"] = text(string(license))
	files["usr/share/licenses/holdfast/THIRD-PARTY.txt"] = text(l.legal.notice())
	files["usr/share/doc/holdfast/CHANGELOG.md"] = text(string(changes))
	files["usr/lib/systemd/system-preset/80-holdfast.preset"] = text(l.fill("holdfast.preset"))
	changelog := filepath.Join(l.dir, "rpm-changelog")
	if err := os.WriteFile(changelog, []byte(l.rpmChangelog()), 0o644); err != nil {
		return err
	}
	c := nfpmConfig{
		Changelog: changelog,
		License:   "MIT",
		Vendor:    "The Holdfast authors",
		Depends:   []string{"systemd", fmt.Sprintf("libc.so.6(GLIBC_%s)(64bit)", l.glibc)},
		RPM: map[string]any{
			"buildhost": "localhost", "group": "Applications/Internet", "compression": "zstd",
			"summary": "Keeps WireGuard tunnels working", "packager": maintainer,
		},
		Contents: []nfpmContent{
			{Destination: "/usr/share/doc/holdfast", Type: "dir"},
			{Destination: "/usr/share/licenses/holdfast", Type: "dir"},
		},
	}
	if key := signingKey(); key != "" {
		c.RPM["signature"] = map[string]any{"key_file": key}
	}
	return l.nfpm(ctx, "rpm", c, files, map[string]string{
		"postinstall": l.fill("rpm-post"), "preremove": l.fill("rpm-preun"), "postremove": l.fill("rpm-postun"),
	})
}

// rpmChangelog is the changelog of the package, which has one entry: what is new
// in the program stands in CHANGELOG.md. It is written as nfpm reads it, in YAML.
func (l *linuxJob) rpmChangelog() string {
	return fmt.Sprintf("- semver: %q\n  date: %s\n  packager: %q\n  changes:\n    - note: %q\n",
		l.numeric(), l.Made.Format(time.RFC3339), maintainer, "Holdfast "+l.Version+", of commit "+l.Commit)
}
