package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"holdfast/app/agent"
)

// openFlags are how the person wants the page opened.
type openFlags struct {
	print, link bool
}

func newOpen(p *program) *cobra.Command {
	var flags openFlags
	c := &cobra.Command{
		Use:   "open [--print] [--link]",
		Short: "Open the page in a browser",
		Long: `Open the page in your browser, with a session of its own. Where nothing serves it yet
(neither the tray nor "holdfast web"), this command does, until it is interrupted.

The browser gets a code that is good once and for half a minute, in a file that only you
can read. A browser that cannot read it (from a snap or Flatpak, or on another computer)
is given the code in the address, with --link.`,
		GroupID: groupOther,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.open(c.Context(), flags) },
	}
	c.Flags().BoolVar(&flags.print, "print", false, "print the address with a fresh code, good once, instead of opening it")
	c.Flags().BoolVar(&flags.link, "link", false, "hand the code over in the address, not in a file; good for a minute")
	return c
}

// open has the page opened by whoever serves it, or serves it.
func (p *program) open(ctx context.Context, flags openFlags) error {
	way := agent.Way("")
	if flags.link {
		way = agent.ByLink
	}
	var err error
	if flags.print {
		if way == "" {
			way = agent.ByFile
		}
		var address string
		if address, err = agent.KnockForAddress(ctx, "", p.socketPath(), way); err == nil {
			if p.json {
				return p.object(map[string]any{"address": address})
			}
			return p.say("%s\n", address)
		}
	} else {
		var url string
		if url, err = agent.Knock(ctx, "", p.socketPath(), way); err == nil {
			return p.done(map[string]any{"url": url}, "The page %s is opening in your browser.", url)
		}
	}
	if !errors.Is(err, agent.ErrNoHost) {
		return failed(err, "print the address instead: holdfast open --print", "open the page")
	}
	if flags.print {
		return failed(nil, "serve it with: holdfast web --no-browser", "nothing serves the page yet")
	}
	return p.web(ctx, webFlags{way: way})
}
