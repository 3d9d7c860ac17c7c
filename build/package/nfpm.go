package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// nfpmConfig is what nfpm is told, in the words of its configuration file. Its
// file is YAML, of which JSON is a part.
type nfpmConfig struct {
	Name          string            `json:"name"`
	Arch          string            `json:"arch"`
	Version       string            `json:"version"`
	VersionSchema string            `json:"version_schema"`
	Release       string            `json:"release"`
	Section       string            `json:"section,omitempty"`
	Priority      string            `json:"priority,omitempty"`
	Maintainer    string            `json:"maintainer"`
	Vendor        string            `json:"vendor,omitempty"`
	License       string            `json:"license,omitempty"`
	Description   string            `json:"description"`
	Changelog     string            `json:"changelog,omitempty"` // a file
	MTime         time.Time         `json:"mtime"`
	Umask         int               `json:"umask"`
	NoGlobbing    bool              `json:"disable_globbing"`
	Depends       []string          `json:"depends,omitempty"`
	Suggests      []string          `json:"suggests,omitempty"`
	Scripts       map[string]string `json:"scripts"`
	Contents      []nfpmContent     `json:"contents"`
	Deb           map[string]any    `json:"deb,omitempty"`
	RPM           map[string]any    `json:"rpm,omitempty"`
}

// nfpmContent is a file or a folder of a package.
type nfpmContent struct {
	Source      string        `json:"src,omitempty"`
	Destination string        `json:"dst"`
	Type        string        `json:"type,omitempty"`
	Info        *nfpmFileInfo `json:"file_info,omitempty"`
}

type nfpmFileInfo struct {
	Mode  uint32    `json:"mode"`
	MTime time.Time `json:"mtime"`
}

// maintainer is whom a package names. There is no address to write to.
const maintainer = "The Holdfast authors <authors@holdfast.invalid>"

// description says what the package is, its first line in short.
const description = `keeps WireGuard tunnels working
Holdfast runs WireGuard tunnels, notices within seconds when one is up and
carries nothing, says why, moves to one that works, and moves back when that
is safe. Meanwhile nothing leaves the computer beside the tunnel.
.
It consists of a service, a command line, a page in the browser, and an icon
for the desktop.`

// nfpmType is what nfpm calls a file that is not like all others. Debian tells
// documents by their place.
func nfpmType(kind, name string) string {
	within := func(folder string) bool { return strings.HasPrefix(name, folder) }
	switch {
	case within("etc/"):
		return "config|noreplace"
	case kind == "rpm" && within("usr/share/licenses/"):
		return "license"
	case kind == "rpm" && (within("usr/share/doc/") || within("usr/share/man/")):
		return "doc"
	default:
		return ""
	}
}

// nfpm makes a package of a kind, "deb" or "rpm", of files, and scripts by their
// names in nfpm.
func (l *linuxJob) nfpm(ctx context.Context, kind string, c nfpmConfig, files tree, scripts map[string]string) error {
	dir := filepath.Join(l.dir, kind)
	if err := files.write(filepath.Join(dir, "files"), l.Made); err != nil {
		return err
	}
	c.Name, c.Arch, c.Version, c.VersionSchema, c.Release = "holdfast", l.arch, l.Version, "none", "1"
	c.Maintainer, c.MTime, c.Umask, c.NoGlobbing = maintainer, l.Made, 0o022, true
	c.Description = description
	for _, name := range files.paths() {
		content := nfpmContent{Source: filepath.Join(dir, "files", name), Destination: "/" + name,
			Info: &nfpmFileInfo{Mode: uint32(files[name].mode), MTime: l.Made}}
		content.Type = nfpmType(kind, name)
		c.Contents = append(c.Contents, content)
	}
	c.Scripts = map[string]string{}
	for name, script := range scripts {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			return err
		}
		c.Scripts[name] = path
	}
	config, err := json.Marshal(c)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "nfpm.yaml")
	if err := os.WriteFile(path, config, 0o644); err != nil {
		return err
	}
	out, err := filepath.Abs(l.out)
	if err != nil {
		return err
	}
	_, err = outputWith(ctx, l.root, []string{l.epoch(), passphraseFor("NFPM_PASSPHRASE")},
		"go", "tool", "-modfile=build/tools/go.mod", "nfpm", "package", "--packager", kind, "--config", path, "--target", out)
	return err
}
