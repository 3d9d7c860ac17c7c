package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"holdfast/app/agent"
	"holdfast/app/prefs"
	"holdfast/service/demo"
)

// demoPage is the page of a demo, served by this process.
type demoPage struct {
	host *agent.Host
	// opened is told how each open went.
	opened chan error
	stop   context.CancelFunc
	ended  chan error
	log    *slog.Logger
}

// serveDemoPage serves the page of a demo until close. What the person prefers
// there lasts as long as the demo, and is no part of their own preferences.
func (p *program) serveDemoPage(ctx context.Context, d *demo.Demo, port uint16, log *slog.Logger) (*demoPage, error) {
	host, err := agent.Listen(agent.Options{
		Socket: d.Socket(), Port: int(port), Demo: d.Handler(), Prefs: prefs.Open(filepath.Join(d.Dir(), "prefs.json")),
		Log: log, Browse: p.browse,
	})
	if err != nil {
		return nil, failed(err, "", "serve the page")
	}
	g := &demoPage{host: host, log: log, opened: make(chan error, 1), ended: make(chan error, 1)}
	ctx, g.stop = context.WithCancel(ctx)
	go func() { g.ended <- host.Run(ctx) }()
	return g, nil
}

// open opens the page in the person's browser, which takes a moment: opened is
// told when it has.
func (g *demoPage) open(ctx context.Context) {
	go func() { // ends with the browser's starter, or at the latest with ctx
		err := g.host.Open(ctx)
		select {
		case g.opened <- err:
		case <-ctx.Done():
		}
	}()
}

// link is what a browser can be given by hand, once and within a minute.
func (g *demoPage) link() string {
	link, err := g.host.Address(agent.ByLink)
	if err != nil {
		return g.host.URL()
	}
	return link
}

// close ends the page and every session of it.
func (g *demoPage) close() {
	g.stop()
	if err := <-g.ended; err != nil {
		g.log.Error("the page was not served to the end", "err", err)
	}
}
