package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/event"
	"holdfast/service/guard"
	"holdfast/service/guardset"
	"holdfast/service/library"
	"holdfast/service/netcfg"
	"holdfast/service/tunnel"
)

// scopeOf is what the members of a target carry together, and others beside them
// ("": none). Where one of them is missing or cannot be read it is not guessed
// what it carries: everything.
func scopeOf(lib *library.Library, target tunnel.Name, beside ...tunnel.Name) guardset.Scope {
	names, isGroup := lib.Groups()[target]
	if !isGroup {
		names = []tunnel.Name{target}
	}
	var configs []*tunnel.Config
	known := true
	for _, name := range append(names, beside...) {
		if name == "" {
			continue
		}
		cfg, err := lib.Tunnel(name)
		if err != nil {
			known = false
			continue
		}
		configs = append(configs, cfg)
	}
	scope := guardset.ScopeOf(configs...)
	if !known {
		scope.Carry = guardset.Everything().Carry
	}
	return scope
}

// staysShut says that the guard is shut as soon as the engine runs, so that what
// an earlier run left in the system is taken over and not cleaned up.
func (d *Daemon) staysShut() bool {
	if d.guard == nil {
		return false
	}
	return guardset.For(guardset.Situation{
		Mode: d.library.Policy().Guard, Wish: guardset.WishOf(d.wish.On, d.wishUnknown), State: tunnel.Down,
	}).Shut()
}

// keepGuard puts back what other programs change about the guard, and tells of
// it, until ctx ends.
func (d *Daemon) keepGuard(ctx context.Context) {
	follow(ctx, d.guard.Watch, func(err error) {
		if err != nil {
			d.log.Error("nobody puts back what others change about the guard", "err", err)
			err = fmt.Errorf("nobody watches the rules: %w", err)
		}
		_ = d.engine.Unwatched(ctx, err)
	}, d.guard.Changes(), func(c guard.Change) {
		d.log.Warn("another program changed the guard", "by", c.By, "what", c.What, "err", c.Err)
		_ = d.engine.Disturbed(ctx, attributed(c.By, c.What), c.Err)
	})
}

// keepNetwork puts back what other programs take from the tunnel, and tells of
// it, until ctx ends.
func (d *Daemon) keepNetwork(ctx context.Context) {
	follow(ctx, d.network.Keep, func(err error) {
		if err != nil {
			d.log.Error("nobody puts back what others take from the network", "err", err)
		}
	}, d.network.Changes(), func(c netcfg.Change) { d.tellChange(ctx, c) })
}

// follow has watch run until ctx ends, see insist, and hands on what it changes.
func follow[T any](ctx context.Context, watch func(context.Context) error, tell func(error), changes <-chan T, take func(T)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		insist(ctx, watch, tell)
	}()
	for {
		select {
		case <-ctx.Done():
			<-done
			return
		case c := <-changes:
			take(c)
		}
	}
}

// watchAgain is how long after it broke something is watched again, and how long
// that must last to count.
const watchAgain = time.Second

// insist runs watch until ctx ends, and again where it breaks. tell gets why it
// did, and nil when it runs again.
func insist(ctx context.Context, watch func(context.Context) error, tell func(error)) {
	for broken := false; ; {
		ended := make(chan error, 1)
		go func() { ended <- watch(ctx) }()
		var err error
		select {
		case err = <-ended:
		case <-time.After(watchAgain):
			if broken {
				tell(nil)
			}
			err = <-ended
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		broken = true
		tell(err)
		select {
		case <-time.After(watchAgain):
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) tellChange(ctx context.Context, c netcfg.Change) {
	switch {
	case c.Around && c.What == "":
		_ = d.engine.Note(ctx, event.CodeRouteAround, nil)
	case c.Around:
		_ = d.engine.Note(ctx, event.CodeRouteAround, errors.New(c.What))
	default:
		err := c.Err
		if d.guard != nil {
			err = errors.Join(err, d.guard.State().Err) // routes that are whole say nothing of its rules
		}
		_ = d.engine.Disturbed(ctx, attributed(c.By, c.What), err)
	}
}

// attributed says who did what.
func attributed(by, what string) string {
	if by == "" {
		return what
	}
	return by + ": " + what
}

// permit lets our own marked packets go to an address while the guard is shut.
// Nil: there is no guard.
func (d *Daemon) permit() permit {
	if d.guard == nil {
		return nil
	}
	return d.guard.Permit
}
