package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"holdfast/app/client"
	"holdfast/service/status"
	"holdfast/web/api"
)

// statusWait is how long status waits for an answer before it counts as
// missing; the service answers from memory, within milliseconds.
const statusWait = 10 * time.Second

func newStatus(p *program) *cobra.Command {
	var watch, check bool
	c := &cobra.Command{
		Use:   "status [--json] [--watch] [--check]",
		Short: "Show how things stand",
		Long: `Show how things stand: the overall state, why, the active tunnel, the other members
of its group, the network below, the guard, and what you should know.

With --check the exit code is 0 while the tunnel carries your traffic (protected, idle
or checking) and 3 otherwise: also when it is off, or when the guard should be shut and
its rules are not verified. Without it, being off is no error.`,
		GroupID: groupUse,
		Args:    takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if watch && check {
				return misused("leave one of them out", "--watch and --check exclude each other")
			}
			if watch {
				return p.watch(c.Context())
			}
			return p.status(c.Context(), check)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "go on, and show every change")
	c.Flags().BoolVar(&check, "check", false, "exit with 3 when not protected")
	return c
}

func (p *program) status(ctx context.Context, check bool) error {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	s, err := p.client().Status(ctx)
	if err != nil {
		if p.json && errors.Is(err, client.ErrUnreachable) {
			return errors.Join(p.say("%s\n", unreachable(time.Now())), err)
		}
		return err
	}
	if err := p.showStatus(&s); err != nil {
		return err
	}
	if check && (!isCarried(s.Overall) || s.Guard.Stand(s.Wish.On) == status.GuardUnverified) {
		return silently(exitNotProtected)
	}
	return nil
}

// showStatus prints one status, as JSON or for a person.
func (p *program) showStatus(s *api.Status) error {
	if p.json {
		return p.statusJSON(s)
	}
	if s.Limited {
		p.note("hint: you see the overall state only; %s", hintGroup)
		return p.say("%s\n", p.paintFor(p.out).overall(s.Overall))
	}
	return p.say("%s", render(&s.Status, s.At, p.paintFor(p.out)))
}

// statusJSON prints one line. Who may see the overall state only gets no empty
// fields that would claim there is nothing.
func (p *program) statusJSON(s *api.Status) error {
	if s.Limited {
		return p.object(api.Overview{
			Schema: s.Schema, At: s.At.UTC(), Overall: s.Overall, Wish: api.OverviewWish{On: s.Wish.On}, Limited: true,
		})
	}
	s.At = s.At.UTC()
	return p.object(s)
}

// isCarried says that the tunnel carries the person's traffic as far as is known.
func isCarried(o status.Overall) bool {
	return o == status.Protected || o == status.Idle || o == status.Checking
}

// isSettled says that the tunnel works, with evidence or with nothing owed.
func isSettled(o status.Overall) bool { return o == status.Protected || o == status.Idle }

// unreachable is the status JSON while the service does not answer: what is not
// known is null.
func unreachable(at time.Time) []byte {
	line, err := json.Marshal(struct {
		Schema     int            `json:"schema"`
		At         time.Time      `json:"at"`
		Overall    status.Overall `json:"overall"`
		Wish       *status.Wish   `json:"wish"`
		Active     *status.Active `json:"active"`
		Members    []any          `json:"members"`
		Underlay   *string        `json:"underlay"`
		Guard      *status.Guard  `json:"guard"`
		Notices    []any          `json:"notices"`
		LastSwitch *struct{}      `json:"lastSwitch"`
	}{
		Schema: status.Schema, At: at.UTC(), Overall: status.ServiceUnreachable,
		Members: []any{}, Notices: []any{},
	})
	if err != nil {
		panic("fixed types always marshal: " + err.Error())
	}
	return line
}
