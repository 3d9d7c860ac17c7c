package main

import (
	"context"
	"fmt"
	"log/slog"

	"holdfast/app/agent"
	"holdfast/app/prefs"
)

// page is what the tray needs of the host of the page.
type page interface {
	OpenNotice(ctx context.Context, id int64) error
	Run(ctx context.Context) error
}

func servePage(o options, p *prefs.Store, log *slog.Logger) (page, error) {
	host, err := agent.Listen(agent.Options{Socket: o.socket, Port: o.port, Tray: true, Prefs: p, Log: log})
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w", err)
	}
	return host, nil
}

// noPage stands for a page that cannot be served: who asks for it is told why.
type noPage struct{ err error }

func (n noPage) OpenNotice(context.Context, int64) error { return n.err }

func (n noPage) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
