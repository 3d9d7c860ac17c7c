package daemon

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"syscall"
	"time"

	"holdfast/build/version"
	"holdfast/service/diagnose"
	"holdfast/service/engine"
	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/library"
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
	case errors.Is(err, engine.ErrStopped), errors.Is(err, engine.ErrWishNotKept), errors.Is(err, syscall.ENOSPC),
		errors.Is(err, syscall.EROFS), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return api.Unavailable
	}
	return ""
}

// audit writes down who was refused, and logs who changed what.
func (d *Daemon) audit(r web.AuditRecord) {
	d.log.Info("asked", "user", r.Caller.User, "verb", r.Verb, "object", r.Object, "code", string(r.Code))
	if r.Code != api.NotPermitted {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := d.engine.Record(ctx, event.Event{Kind: event.Denied, From: r.Caller.User, To: r.Verb}); err != nil {
		d.log.Warn("record a refusal", "err", err)
	}
}

// wishes fits the engine to what the API asks of it.
type wishes struct {
	*engine.Engine
	d *Daemon
}

// Ack marks a notice as seen, where it is open and in the history.
func (w wishes) Ack(ctx context.Context, id int64) error {
	found, err := w.Acknowledge(ctx, id)
	if err != nil {
		return err
	}
	err = w.d.store.Acknowledge(ctx, id)
	if found && errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
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

// ConfigsChanged brings what the library holds now.
func (w wishes) ConfigsChanged(ctx context.Context, changed tunnel.Name) error {
	return w.Configure(ctx, w.d.library.Policy(), changed)
}

// Diagnose looks at everything around the active member now.
func (w wishes) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	st := w.Status()
	e := w.d.hands.Examine(ctx, st, w.d.network.Lookup)
	out := api.Diagnosis{Schema: api.Schema, At: time.Now().UTC(), Verdict: health.Unknown, Checks: []api.Finding{}}
	cause := diagnose.Cause(e)
	if st.Active != nil {
		out.Tunnel, out.Verdict = st.Active.Tunnel, st.Active.Verdict
		if cause == "" && out.Verdict == health.Unhealthy && st.Active.Cause != nil {
			cause = *st.Active.Cause
		}
	}
	if cause != "" {
		words := event.Describe(event.Code(cause))
		out.Cause, out.Title, out.What, out.Advice = &cause, words.Title, words.What, words.Advice
	} else {
		out.Title = "Nothing that was looked at is wrong."
	}
	for _, c := range diagnose.Checks(e) {
		out.Checks = append(out.Checks, api.Finding{Name: c.Name, Result: string(c.Result), Evidence: c.Evidence, TookMs: c.Took.Milliseconds()})
	}
	return out, nil
}
