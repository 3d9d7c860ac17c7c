package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// tarball makes the archive for Linux systems without deb and rpm: what goes
// below /usr/local, and a note of how. The command line writes the units.
func (l *linuxJob) tarball(context.Context) error {
	files := maps.Clone(l.shared)
	license, err := os.ReadFile(filepath.Join(l.root, "LICENSE"))
	if err != nil {
		return err
	}
	files["INSTALL.txt"] = text(l.fill("INSTALL.txt"))
	files["LICENSE"] = text(string(license))
	files["THIRD-PARTY.txt"] = text(l.legal.notice())
	name := fmt.Sprintf("holdfast-%s-linux-%s", l.Version, l.arch)
	var b bytes.Buffer
	if err := files.tarGz(&b, name, l.Made); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.out, name+".tar.gz"), b.Bytes(), 0o644)
}
