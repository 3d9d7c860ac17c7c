package main

import (
	"context"
	"errors"
	"io"
	"time"

	"holdfast/app/notify"
	"holdfast/app/prefs"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// actWait bounds what a person asked for.
const actWait = 30 * time.Second

// askedMatter is about what a person asked for and did not get.
const askedMatter notify.Matter = "asked"

// outcome is what came of a command.
type outcome struct {
	command Command
	err     error
}

// carryOut does what was chosen. What takes time is done beside.
func (t *tray) carryOut(ctx context.Context, c Command) {
	if t.asked && t.teller != nil {
		t.asked = false
		t.teller.do(notify.Action{Matter: askedMatter})
	}
	now := time.Now()
	switch c.Verb {
	case PauseHour:
		t.setPause(now.Add(time.Hour))
	case PauseTomorrow:
		t.setPause(tomorrowMorning(now))
	case Resume:
		t.setPause(time.Time{})
	default:
		asks := t.client
		t.workers.Go(func() { bring(ctx, t.settled, outcome{command: c, err: t.act(ctx, asks, c)}) })
	}
}

// bring hands something to keep, which takes it as long as ctx is not done.
func bring[T any](ctx context.Context, to chan<- T, what T) {
	select {
	case to <- what:
	case <-ctx.Done():
	}
}

// service is what of the client the commands need.
type service interface {
	Connect(ctx context.Context, target tunnel.Name) (api.Status, error)
	Disconnect(ctx context.Context) (api.Status, error)
	Reconnect(ctx context.Context) (api.Status, error)
	SwitchTo(ctx context.Context, member tunnel.Name) (api.Status, error)
	SetSettings(ctx context.Context, set map[string]string) (api.Settings, error)
	SetGuard(ctx context.Context, want api.GuardRequest) (api.Guard, error)
	Bundle(ctx context.Context, w io.Writer) error
}

func (t *tray) act(ctx context.Context, s service, c Command) (err error) {
	ctx, cancel := context.WithTimeout(ctx, actWait)
	defer cancel()
	switch c.Verb {
	case Open:
		return t.page.OpenNotice(ctx, c.Notice)
	case Connect:
		_, err = s.Connect(ctx, c.Name)
	case Disconnect:
		_, err = s.Disconnect(ctx)
	case Reconnect:
		_, err = s.Reconnect(ctx)
	case SwitchTo:
		_, err = s.SwitchTo(ctx, c.Name)
	case Set:
		_, err = s.SetSettings(ctx, map[string]string{c.Setting: c.Value})
	case GuardOn:
		_, err = s.SetGuard(ctx, api.GuardRequest{Action: api.GuardOn})
	case GuardOff:
		_, err = s.SetGuard(ctx, api.GuardRequest{Action: api.GuardOff})
	case GuardPause:
		_, err = s.SetGuard(ctx, api.GuardRequest{Action: api.GuardPause})
	case Diagnostics:
		return copyDiagnostics(ctx, s)
	default:
	}
	return err
}

// settle tells the person what did not work: they asked, and would not see it.
func (t *tray) settle(_ context.Context, o outcome) {
	if o.err == nil {
		t.view.Copied = o.command.Verb == Diagnostics
		return
	}
	t.log.Warn("what was chosen was not done", "command", string(o.command.Verb), "err", o.err)
	if t.teller == nil {
		return
	}
	n := notify.Note{Matter: askedMatter, Urgency: notify.Normal, Title: wordsIn(t.language).refused, Body: o.err.Error(), Passing: true}
	if e, ok := errors.AsType[*api.Error](o.err); ok && e.Hint != "" {
		n.Body += " " + e.Hint
	}
	t.asked = true
	t.teller.do(notify.Action{Matter: askedMatter, Show: &n})
}

func (t *tray) setPause(until time.Time) {
	_, err := t.prefs.Change(func(p *prefs.Prefs) error {
		p.Notify.PausedUntil = until
		return nil
	})
	if err != nil {
		t.log.Error("the pause could not be kept", "err", err)
	}
}

// tomorrowMorning is seven o'clock of the next day, by the clock on the wall.
func tomorrowMorning(now time.Time) time.Time {
	return time.Date(now.Year(), now.Month(), now.Day()+1, 7, 0, 0, 0, now.Location())
}
