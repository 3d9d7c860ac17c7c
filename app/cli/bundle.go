package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

func newBundle(p *program) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "bundle FILE",
		Short: "Write an archive for a report of a fault; it holds no keys",
		Long: `Write a zip archive for a report of a fault, that only you can read. It holds no key and
no address in full; look into it before you pass it on. It is sent nowhere.`,
		GroupID: groupService,
		Args:    takes(1, 1),
		RunE:    func(c *cobra.Command, args []string) error { return p.bundle(c.Context(), args[0], force) },
	}
	c.Flags().BoolVar(&force, "force", false, "overwrite the file")
	return c
}

func (p *program) bundle(ctx context.Context, path string, force bool) error {
	service := p.client()
	if path == "-" {
		if isTerminal(p.out) {
			return misused("name a file", "an archive cannot be shown on a terminal")
		}
		return service.Bundle(ctx, p.out)
	}
	if err := writePrivate(path, force, func(w io.Writer) error { return service.Bundle(ctx, w) }); err != nil {
		return err
	}
	return p.done(map[string]any{"file": path}, "wrote %s; look into it before you pass it on", path)
}
