package main

import "github.com/spf13/cobra"

// errNoPage answers the commands that show the page: this build carries none.
var errNoPage = &failure{
	code:    exitFailed,
	message: "the page is not built yet: this build of Holdfast has the command line only",
	hint:    "see the same in the terminal: holdfast status --watch",
}

func newOpen(*program) *cobra.Command {
	return &cobra.Command{
		Use:     "open",
		Short:   "Open the page in a browser (not built yet)",
		GroupID: groupOther,
		Args:    takes(0, 0),
		RunE:    func(*cobra.Command, []string) error { return errNoPage },
	}
}

func newWeb(*program) *cobra.Command {
	c := &cobra.Command{
		Use:     "web [--port N]",
		Short:   "Serve the page on this computer (not built yet)",
		GroupID: groupOther,
		Args:    takes(0, 0),
		RunE:    func(*cobra.Command, []string) error { return errNoPage },
	}
	c.Flags().Uint16("port", 0, "the TCP `port` on 127.0.0.1; 0: any")
	return c
}
