package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/app/client"
	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// defaultWait is how long up, down, switch and reconnect wait for their end.
const defaultWait = 30 * time.Second

// waiting says how long a command waits. 0: not at all.
type waiting struct {
	wait time.Duration
	not  bool
}

// flags adds --wait and --no-wait to a command.
func (w *waiting) flags(c *cobra.Command) {
	c.Flags().DurationVar(&w.wait, "wait", defaultWait, "how long to wait for it to be done; then exit with 6")
	c.Flags().Lookup("wait").NoOptDefVal = defaultWait.String()
	c.Flags().BoolVar(&w.not, "no-wait", false, "only say what is wished for, and return")
}

func (w *waiting) span() (time.Duration, error) {
	switch {
	case w.wait < 0:
		return 0, misused("such as --wait=30s", "--wait %s: use a time from 0 on", w.wait)
	case w.not:
		return 0, nil
	default:
		return w.wait, nil
	}
}

func newUp(p *program) *cobra.Command {
	var w waiting
	c := &cobra.Command{
		Use:   "up [NAME] [--wait[=30s]] [--no-wait]",
		Short: "Turn a tunnel or group on, and wait until it works",
		Long: `Turn a tunnel or group on, and wait until it works. Without a name: the one that was on
last. What you wish for is kept over restarts; it is pursued after the wait is over, too.`,
		GroupID: groupUse, Args: takes(0, 1),
		ValidArgsFunction: complete(1, p.groupNames, p.tunnelNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			var target tunnel.Name
			if len(names) > 0 {
				target = names[0]
			}
			p.warnOverSSH(c.Context())
			return p.pursue(c.Context(), &w, func(ctx context.Context) (goal, error) { return p.up(ctx, target) })
		},
	}
	w.flags(c)
	return c
}

func newDown(p *program) *cobra.Command {
	var w waiting
	c := &cobra.Command{
		Use: "down [--wait[=30s]] [--no-wait]", Short: "Turn the tunnel off; being off is no error",
		GroupID: groupUse, Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return p.pursue(c.Context(), &w, p.down) },
	}
	w.flags(c)
	return c
}

func newReconnect(p *program) *cobra.Command {
	var w waiting
	c := &cobra.Command{
		Use: "reconnect [--wait[=30s]] [--no-wait]", Short: "Rebuild the active tunnel now",
		GroupID: groupUse, Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return p.pursue(c.Context(), &w, p.reconnect) },
	}
	w.flags(c)
	return c
}

func newSwitch(p *program) *cobra.Command {
	var w waiting
	c := &cobra.Command{
		Use: "switch NAME [--wait[=30s]] [--no-wait]", Short: "Move to another member of the group, once it answers",
		GroupID: groupUse, Args: takes(1, 1),
		ValidArgsFunction: complete(1, p.memberNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			return p.pursue(c.Context(), &w, func(ctx context.Context) (goal, error) { return p.switchTo(ctx, names[0]) })
		},
	}
	w.flags(c)
	return c
}

// goal is what a wish is waiting for.
type goal struct {
	now   api.Status // how things stood when the wish was taken
	after int64      // the last event before it; 0: none matters
	// reached says that the wish has come true.
	reached func(*status.Status) bool
	// notes says what an event means for the goal. Nil: nothing.
	notes func(event.Event)
	// lost says why it will not come true any more. Nil, or "": it still may.
	lost func(*status.Status) string
}

func (p *program) up(ctx context.Context, target tunnel.Name) (goal, error) {
	now, err := p.client().Connect(ctx, target)
	if err != nil {
		return goal{}, err
	}
	if target == "" {
		target = now.Wish.Target
	}
	wished := false
	return goal{
		now: now,
		reached: func(s *status.Status) bool {
			return s.Wish.On && s.Wish.Target == target && s.Active != nil &&
				(s.Active.Group == target || s.Active.Tunnel == target) && isSettled(s.Overall)
		},
		lost: func(s *status.Status) string {
			// A picture from before the wish is no refusal.
			if s.Wish.On && s.Wish.Target == target {
				wished = true
				return ""
			}
			if wished {
				return string(target) + " is no longer wished for"
			}
			return ""
		},
	}, nil
}

func (p *program) down(ctx context.Context) (goal, error) {
	now, err := p.client().Disconnect(ctx)
	return goal{now: now, reached: func(s *status.Status) bool {
		return !s.Wish.On && s.Active == nil && (s.Guard.Stand(false) != status.GuardUnverified || has(s, event.CodeGuardFailed) || has(s, event.CodeGuardStuck))
	}}, err
}

// has says that a notice is open.
func has(s *status.Status, code event.Code) bool {
	return slices.ContainsFunc(s.Notices, func(n event.Notice) bool { return n.Code == code })
}

func (p *program) switchTo(ctx context.Context, name tunnel.Name) (goal, error) {
	now, err := p.client().SwitchTo(ctx, name)
	return goal{now: now, reached: func(s *status.Status) bool {
		return s.Active != nil && s.Active.Tunnel == name && isSettled(s.Overall)
	}}, err
}

// reconnect is done when the tunnel works again after it was rebuilt: what
// worked before says nothing.
func (p *program) reconnect(ctx context.Context) (goal, error) {
	service := p.client()
	before, err := service.Status(ctx)
	if err != nil {
		return goal{}, err
	}
	now, err := service.Reconnect(ctx)
	if err != nil {
		return goal{}, err
	}
	rebuilt := false
	return goal{
		now:   now,
		after: before.EventID,
		notes: func(e event.Event) {
			switch e.Kind {
			case event.Restarted, event.FailedOver, event.FailedBack:
				rebuilt = rebuilt || e.ID > before.EventID
			default: // the rest says nothing about it
			}
		},
		reached: func(s *status.Status) bool {
			rebuilt = rebuilt || !isCarried(s.Overall) || newerHandshake(s, &before.Status)
			return rebuilt && s.Active != nil && isSettled(s.Overall)
		},
	}, nil
}

func newerHandshake(s, before *status.Status) bool {
	if s.Active == nil || s.Active.LastHandshake == nil {
		return false
	}
	return before.Active == nil || before.Active.LastHandshake == nil ||
		s.Active.LastHandshake.After(*before.Active.LastHandshake)
}

// pursue makes a wish and waits for it to come true.
func (p *program) pursue(ctx context.Context, w *waiting, wish func(context.Context) (goal, error)) error {
	wait, err := w.span()
	if err != nil {
		return err
	}
	g, err := wish(ctx)
	if err != nil {
		return err
	}
	last := &g.now
	if wait > 0 && !g.reached(&last.Status) {
		if last, err = p.await(ctx, g, wait); err != nil {
			return err
		}
	}
	if p.json {
		return p.statusJSON(last)
	}
	p.note("%s", changed(&last.Status, last.At))
	return nil
}

// await follows the stream until the goal is reached, and tells what happens
// where somebody looks on.
func (p *program) await(ctx context.Context, g goal, wait time.Duration) (*api.Status, error) {
	watched, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	last, told := &g.now, gistOf(&g.now.Status)
	for m, err := range p.client().Follow(watched, g.after) {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case watched.Err() != nil:
			return nil, outOfTime(last, wait)
		case err != nil && !errors.Is(err, client.ErrUnreachable):
			return nil, err
		case err != nil:
			continue // the service may be back before the wait is over
		}
		if m.Event != nil && g.notes != nil {
			g.notes(*m.Event)
		}
		if m.Status != nil {
			last = m.Status
		}
		if g.reached(&last.Status) {
			return last, nil
		}
		if g.lost != nil {
			if why := g.lost(&last.Status); why != "" {
				return nil, failed(nil, "see what happened: holdfast history", "%s", why)
			}
		}
		if now := gistOf(&last.Status); now != told && isTerminal(p.err) {
			told = now
			p.note("%s", changed(&last.Status, last.At))
		}
	}
	return nil, outOfTime(last, wait)
}

// outOfTime says what the wait has come to, with the advice that fits best.
func outOfTime(s *api.Status, wait time.Duration) error {
	hint := "it goes on by itself; see: holdfast status --watch"
	for _, n := range s.Notices {
		if n.Advice != "" {
			hint = n.Advice
			break
		}
	}
	return &failure{
		code:    exitTimedOut,
		message: fmt.Sprintf("not done after %s: %s", wait, changed(&s.Status, s.At)),
		hint:    hint,
	}
}
