package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
)

// exported is a tunnel with its secrets, on the way to a file of the person's.
type exported struct {
	name tunnel.Name
	text string
}

func newTunnelExport(p *program) *cobra.Command {
	var asZip, all, force bool
	c := &cobra.Command{
		Use:   "export NAME [FILE] [--zip] | --all --zip FILE",
		Short: "Write a tunnel as a .conf, with its private key",
		Long: `Write a tunnel as a WireGuard .conf, to stdout or to a file that only you can read. It
holds the private key: only an administrator may export. With --zip the file is an
archive, with --all of every tunnel.`,
		Args: takes(0, 2),
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 && !all {
				return complete(1, p.tunnelNames)(c, args, word)
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(c *cobra.Command, args []string) error {
			if all && (!asZip || len(args) != 1) || !all && len(args) == 0 {
				return misused("usage: "+c.UseLine(), "name one tunnel, or give --all with --zip and a file")
			}
			var names []tunnel.Name
			if !all {
				var err error
				if names, err = parseNames(args[:1]); err != nil {
					return err
				}
				args = args[1:]
			}
			path := "-"
			if len(args) > 0 {
				path = args[0]
			}
			return p.tunnelExport(c.Context(), names, path, asZip, force)
		},
	}
	c.Flags().BoolVar(&asZip, "zip", false, "write a zip archive")
	c.Flags().BoolVar(&all, "all", false, "every tunnel, in an archive")
	c.Flags().BoolVar(&force, "force", false, "overwrite the file")
	return c
}

// tunnelExport writes the named tunnels, or all where there is no name.
func (p *program) tunnelExport(ctx context.Context, names []tunnel.Name, path string, asZip, force bool) error {
	if asZip && path == "-" && isTerminal(p.out) {
		return misused("name a file", "an archive cannot be shown on a terminal")
	}
	service := p.client()
	if names == nil {
		list, err := service.Tunnels(ctx)
		if err != nil {
			return err
		}
		for _, t := range list.Tunnels {
			names = append(names, t.Name)
		}
	}
	var tunnels []exported
	for _, name := range names {
		e, err := service.ExportTunnel(ctx, name)
		if err != nil {
			return err
		}
		if path == "-" && !asZip && p.json {
			return p.object(e)
		}
		tunnels = append(tunnels, exported{name: name, text: e.Text})
	}
	write := func(w io.Writer) error {
		if asZip {
			return writeZip(w, tunnels)
		}
		_, err := io.WriteString(w, tunnels[0].text)
		return err
	}
	if path == "-" {
		return written(write(p.out))
	}
	if err := writePrivate(path, force, write); err != nil {
		return err
	}
	return p.done(map[string]any{"tunnels": names, "file": path}, "wrote %s to %s; it holds private keys", joined(names), path)
}

// writePrivate makes a file that only the person can read, whole or not at all.
// A file that is there stays, unless force is set; what is no file stays always.
func writePrivate(path string, force bool, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return failed(nil, "name a file; - is stdout", "%s is no file", path)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".holdfast-*") // 0600
	if err != nil {
		return failed(errors.New(reason(err)), "", "write %s", path)
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it is gone after the rename
	if err := errors.Join(write(temp), temp.Sync(), temp.Close()); err != nil {
		if explain(err).code != exitFailed {
			return err
		}
		return failed(err, "", "write %s", path)
	}
	if force {
		err = os.Rename(temp.Name(), path)
	} else {
		err = place(temp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return failed(nil, "overwrite it with --force", "%s is there already", path)
	}
	if err != nil {
		return failed(err, "", "write %s", path)
	}
	return nil
}

// place gives a file its name without taking the place of another: by a second
// link, or, where the file system knows none, by a look before the rename.
func place(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}
