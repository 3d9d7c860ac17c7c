package netcfg

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// resolvconfAs is a resolvconf(8) and the words in which it is spoken to.
type resolvconfAs struct {
	Path string `json:"path"`
	// Debian says that it is Debian's own, which orders interfaces by name
	// where openresolv takes a metric.
	Debian bool   `json:"debian,omitempty"`
	Entry  string `json:"entry,omitempty"`
}

// findResolvconf returns the program at path, or the one of the system, or nil.
// The one that is systemd-resolved in disguise is no other way to reach it.
func findResolvconf(path string) *resolvconfAs {
	candidates := []string{path}
	if path == "" {
		candidates = []string{"/usr/sbin/resolvconf", "/sbin/resolvconf", "/usr/bin/resolvconf"}
	}
	for _, c := range candidates {
		real, err := filepath.EvalSymlinks(c)
		if err != nil || !filepath.IsAbs(c) || filepath.Base(real) == "resolvectl" {
			continue
		}
		if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		_, err = os.Stat("/etc/resolvconf/interface-order")
		return &resolvconfAs{Path: c, Debian: err == nil}
	}
	return nil
}

// tellResolvconf hands the servers over as an entry named after the interface.
func (m *Manager) tellResolvconf(ctx context.Context, d *dnsKept) error {
	p := d.Program
	p.Entry = d.Name
	args := []string{"-a", p.Entry, "-m", "0", "-x"}
	if p.Debian {
		// Names that begin with tun come before those of network cards.
		p.Entry = "tun." + d.Name
		args = []string{"-a", p.Entry}
	}
	if err := m.noteDNS(d); err != nil {
		return err
	}
	return p.run(ctx, resolvConfText(d), args...)
}

func (p *resolvconfAs) remove(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.run(ctx, nil, "-d", p.Entry)
}

// run starts the program with an empty environment and without a shell.
func (p *resolvconfAs) run(ctx context.Context, input []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		text := strings.TrimSpace(string(out))
		return fmt.Errorf("run %s %s: %w: %.200q", p.Path, args[0], err, text)
	}
	return nil
}
