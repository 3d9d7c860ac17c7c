package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan writes the manual pages, for whoever packages the program.
func newMan(*program) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "Write the manual pages into a folder",
		Hidden: true,
		Args:   takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return failed(err, "", "write manual pages")
			}
			root := c.Root()
			root.DisableAutoGenTag = true // the same pages from the same source
			header := &doc.GenManHeader{Title: "HOLDFAST", Section: "1", Source: "Holdfast", Manual: "Holdfast"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return failed(err, "", "write manual pages")
			}
			return nil
		},
	}
}
