package daemon

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"time"

	"holdfast/build/version"
	"holdfast/service/engine"
	"holdfast/service/library"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/store"
	"holdfast/web"
	"holdfast/web/api"
)

// api puts together what is served on the socket.
func (d *Daemon) api(done <-chan struct{}) http.Handler {
	return web.New(web.Deps{
		Engine:  wishes{d.engine, d},
		Library: d.library,
		History: history{d.store},
		Events:  d.hub,
		Logs:    d.ring,
		Version: api.Version{Schema: api.Schema, Version: version.Version, Commit: version.Commit, Go: runtime.Version(),
			OS: runtime.GOOS, Arch: runtime.GOARCH},
		Audit: d.audit,
		Code:  codeOf,
		Log:   d.log,
		Done:  done,
	})
}

// codeOf says what the errors of those behind the API mean to a caller.
func codeOf(err error) api.Code {
	var problems tunnel.Problems
	switch {
	case errors.Is(err, library.ErrNotFound), errors.Is(err, store.ErrNotFound):
		return api.NotFound
	case errors.Is(err, library.ErrExists), errors.Is(err, library.ErrInUse):
		return api.Conflict
	case errors.Is(err, library.ErrInvalid), errors.As(err, &problems):
		return api.Invalid
	case errors.Is(err, engine.ErrStopped), errors.Is(err, engine.ErrWishNotKept), isFull(err),
		isReadOnly(err), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return api.Unavailable
	}
	return ""
}

// wishes fits the engine to what the API asks of it.
type wishes struct {
	*engine.Engine
	d *Daemon
}

// refreshWithin bounds the wait for fresh figures; after it the latest are shown.
const refreshWithin = 100 * time.Millisecond

// Status is the picture of now, with fresh figures also where the tunnel is
// idle and nobody looks by themselves.
func (w wishes) Status() status.Status {
	ctx, cancel := context.WithTimeout(context.Background(), refreshWithin)
	defer cancel()
	_ = w.Refresh(ctx) // the picture there is will do
	return w.Engine.Status()
}

// Connect wishes for a target. That the disk refused to keep it a notice tells;
// the tunnel is what was asked for.
func (w wishes) Connect(ctx context.Context, target tunnel.Name) error {
	w.d.clock.vouch()
	w.d.meet(ctx, target)
	if err := w.Engine.Connect(ctx, target); !errors.Is(err, engine.ErrWishNotKept) {
		return err
	}
	return nil
}

// Disconnect wishes for no tunnel. That this will not last must be said.
func (w wishes) Disconnect(ctx context.Context) error {
	err := w.Engine.Disconnect(ctx)
	if errors.Is(err, engine.ErrWishNotKept) {
		return &api.Error{Code: api.Unavailable, Hint: "Make room on the disk, then: holdfast down",
			Message: "The tunnel is off, but the disk refused to keep that: it returns when the service starts again."}
	}
	return err
}

// Ack marks a notice as seen, where it is open and in the history.
func (w wishes) Ack(ctx context.Context, id int64) error {
	found, err := w.Acknowledge(ctx, id)
	if err != nil {
		return err
	}
	err = w.d.store.Acknowledge(ctx, id)
	if found && err != nil && ctx.Err() == nil {
		w.d.log.Warn("keep that a notice was seen", "err", err)
		return nil
	}
	return err
}

// Reconnect rebuilds the active member now.
func (w wishes) Reconnect(ctx context.Context) error {
	w.d.clock.vouch()
	return w.Engine.Reconnect(ctx)
}

// SwitchTo moves to a member. One that is not a member is not found.
func (w wishes) SwitchTo(ctx context.Context, name tunnel.Name) error {
	st := w.Status()
	if !st.Wish.On {
		return &api.Error{Code: api.Conflict, Message: "No tunnel is wanted, so there is nothing to switch.", Hint: "holdfast up " + string(name)}
	}
	for _, m := range st.Members {
		if m.Tunnel == name {
			return w.Engine.SwitchTo(ctx, name)
		}
	}
	return &api.Error{Code: api.NotFound, Message: string(name) + " is not a member of " + string(st.Wish.Target) + ".",
		Hint: "holdfast status lists the members."}
}

// SetGuard opens the guard by the person's word, or ends that.
func (w wishes) SetGuard(ctx context.Context, action api.GuardAction, pause time.Duration) error {
	if w.d.guard == nil {
		return &api.Error{Code: api.Unavailable, Message: "This service has no guard, and blocks nothing.",
			Hint: "The guard needs a service without --userspace."}
	}
	switch action {
	case api.GuardRelease:
		return w.Release(ctx)
	case api.GuardPause:
		return w.Pause(ctx, pause)
	default:
		return w.Shut(ctx)
	}
}

// ConfigsChanged brings what the library holds now.
func (w wishes) ConfigsChanged(ctx context.Context, changed tunnel.Name) error {
	if err := w.Configure(ctx, w.d.library.Policy(), changed); err != nil {
		return err
	}
	return w.Record(ctx, w.d.problems.news(w.d.library.Problems())...)
}
