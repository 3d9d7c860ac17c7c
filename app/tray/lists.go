package main

import (
	"context"
	"time"

	"holdfast/app/client"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// listWait bounds the loading of the lists.
const listWait = 10 * time.Second

// lists are what the stream does not tell of by itself.
type lists struct {
	groups      []api.Group
	tunnels     []tunnel.Name
	onUnhealthy string
	admin       bool
	err         error
}

// load asks for the lists. While it is asked already, it is asked once more
// afterwards.
func (t *tray) load(ctx context.Context) {
	if t.loading {
		t.stale = true
		return
	}
	t.loading = true
	c := t.client
	t.workers.Go(func() { bring(ctx, t.lists, loadLists(ctx, c)) })
}

func loadLists(ctx context.Context, c *client.Client) (l lists) {
	ctx, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	groups, err := c.Groups(ctx)
	if err != nil {
		return lists{err: err}
	}
	tunnels, err := c.Tunnels(ctx)
	if err != nil {
		return lists{err: err}
	}
	settings, err := c.Settings(ctx)
	if err != nil {
		return lists{err: err}
	}
	me, err := c.Me(ctx)
	if err != nil {
		return lists{err: err}
	}
	l.from(groups, tunnels, settings, me)
	return l
}

func (l *lists) from(groups api.Groups, tunnels api.Tunnels, settings api.Settings, me api.Me) {
	l.groups, l.admin = groups.Groups, me.Role == roleAdmin
	for _, one := range tunnels.Tunnels {
		if one.Problem == "" {
			l.tunnels = append(l.tunnels, one.Name)
		}
	}
	for _, one := range settings.Settings {
		if one.Key == "on_unhealthy" {
			l.onUnhealthy = one.Value
		}
	}
}

// roleAdmin is the role that may change the kill switch.
const roleAdmin = "admin"

// take takes in the lists. Where they could not be loaded, the service is about
// to be lost, or to send a new snapshot: either loads them again.
func (t *tray) take(ctx context.Context, l lists) {
	t.loading = false
	if l.err == nil {
		t.view.Groups, t.view.Tunnels, t.view.OnUnhealthy, t.view.Admin = l.groups, l.tunnels, l.onUnhealthy, l.admin
	} else {
		t.log.Warn("the tunnels could not be listed", "err", l.err)
	}
	if t.stale {
		t.stale = false
		t.load(ctx)
	}
}
