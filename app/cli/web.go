package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"holdfast/app/agent"
	"holdfast/app/prefs"
)

// webFlags are what the person asked of the page's host.
type webFlags struct {
	port      uint16
	readOnly  bool
	noBrowser bool
	way       agent.Way // "": as fits the browser
}

func newWeb(p *program) *cobra.Command {
	var flags webFlags
	c := &cobra.Command{
		Use:   "web [--port N] [--read-only]",
		Short: "Serve the page on this computer, and open it",
		Long: `Serve the page on this computer until it is interrupted, and open it in a browser. The
tray does the same; this is for a computer without one.

The page is served on 127.0.0.1 and ::1 only, to this account only, and to nobody who
does not hold a code: "holdfast open" makes one and hands it to the browser. What the
page may do is what you may do on the command line; with --read-only it may look and
change nothing.

Over SSH, forward the port and open the page by a link:
  ssh -L 7433:127.0.0.1:7433 HOST holdfast web --no-browser --port 7433
  ssh HOST holdfast open --print --link`,
		GroupID: groupOther,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.web(c.Context(), flags) },
	}
	c.Flags().Uint16Var(&flags.port, "port", 0, "the TCP `port` on loopback; 0: any that is free")
	c.Flags().BoolVar(&flags.readOnly, "read-only", false, "let the page look at everything and change nothing")
	c.Flags().BoolVar(&flags.noBrowser, "no-browser", false, "serve only; open it with: holdfast open")
	return c
}

// web serves the page until ctx is done.
func (p *program) web(ctx context.Context, flags webFlags) error {
	host, err := p.listenPage(flags)
	if err != nil {
		return err
	}
	if user := p.env("SUDO_USER"); user != "" {
		p.note("note: this page is root's, and a browser of %s will be refused; run it without sudo", printable(user))
	}
	if err := p.tellPage(host); err != nil {
		return err
	}
	if !flags.noBrowser {
		go func() { // ends with the browser's starter
			if err := host.OpenBy(ctx, flags.way); err != nil {
				p.note("note: %s; see where the page is with: holdfast open --print", err)
			}
		}()
	}
	if err := host.Run(ctx); err != nil {
		return failed(err, "", "serve the page")
	}
	return nil
}

// listenPage makes the host of the page.
func (p *program) listenPage(flags webFlags) (*agent.Host, error) {
	path, err := prefs.Path()
	if err != nil {
		return nil, failed(err, "", "serve the page")
	}
	own := prefs.Open(path)
	if err := own.Damage(); err != nil {
		p.note("note: %s; the defaults hold until something is changed", err)
	}
	host, err := agent.Listen(agent.Options{
		Socket: p.socketPath(), Port: int(flags.port), ReadOnly: flags.readOnly,
		Prefs: own, Log: slog.New(slog.NewTextHandler(p.err, nil)),
	})
	if err != nil {
		return nil, failed(err, "", "serve the page")
	}
	return host, nil
}

// tellPage says where the page is and how to open it.
func (p *program) tellPage(host *agent.Host) error {
	if p.json {
		return p.object(map[string]any{"url": host.URL()})
	}
	if err := p.say("%s\n", host.URL()); err != nil {
		return err
	}
	if host.HasDoor() {
		p.note("The page shows nothing until it is opened with: holdfast open")
	} else {
		p.note("The page is being served already, and holdfast open opens that one; this is a second.")
	}
	p.note("Press Ctrl-C to end it. The tunnels stay as they are.")
	return nil
}
