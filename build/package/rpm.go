package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
	c := nfpmConfig{
		License: "MIT",
		Vendor:  "The Holdfast authors",
		Depends: []string{"systemd", fmt.Sprintf("libc.so.6(GLIBC_%s)(64bit)", l.glibc)},
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
