package main

import (
	"context"
	"errors"
	"time"

	"holdfast/app/client"
	"holdfast/service/event"
	"holdfast/web/api"
)

const (
	// viewerPause is the time between looks of a person who may not follow the
	// stream, but ask for the one word. They alone have a timer for it.
	viewerPause = 15 * time.Second
	// strangerPause is the time until it is tried again after somebody else
	// listened in place of the service.
	strangerPause = 30 * time.Second
)

// heard is what came from the service: a picture, an event, or an error.
type heard struct {
	status *api.Status
	fresh  bool // the picture begins a stream: anything may have changed
	event  *event.Event
	err    error
}

// follow begins to read the stream, anew where it was read before.
func (t *tray) follow(ctx context.Context) {
	if t.refollow != nil {
		t.refollow()
	}
	ctx, t.refollow = context.WithCancel(ctx)
	c := t.client
	t.workers.Go(func() {
		for ctx.Err() == nil {
			t.pause(ctx, t.read(ctx, c))
		}
	})
}

// read reads the stream until it ends for good, and says how long to wait then.
func (t *tray) read(ctx context.Context, c *client.Client) time.Duration {
	var last error
	for m, err := range c.Follow(ctx, 0) {
		last = err
		if errors.Is(err, api.ErrNotPermitted) {
			break
		}
		t.send(ctx, heard{status: m.Status, fresh: m.Kind == client.Snapshot, event: m.Event, err: err})
	}
	if !errors.Is(last, api.ErrNotPermitted) {
		return strangerPause
	}
	s, err := c.Status(ctx)
	if err != nil {
		t.send(ctx, heard{err: err})
		return lostAfter
	}
	t.send(ctx, heard{status: &s})
	return viewerPause
}

func (t *tray) send(ctx context.Context, h heard) { bring(ctx, t.heard, h) }

func (t *tray) pause(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// hear takes in what came.
func (t *tray) hear(ctx context.Context, h heard) {
	if h.err != nil {
		t.view.Stranger = errors.Is(h.err, client.ErrUntrusted)
		if t.downAt.IsZero() && ctx.Err() == nil {
			t.downAt = time.Now()
		}
		return
	}
	t.downAt, t.view.Stranger = time.Time{}, false
	if h.status != nil {
		t.view.Status, t.view.Copied = h.status, false
	}
	if h.fresh || h.event != nil && (h.event.Kind == event.ConfigChanged || h.event.Kind == event.SettingsChanged) {
		t.load(ctx)
	}
}
