package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"holdfast/app/client"
	"holdfast/service/event"
	"holdfast/web/api"
)

// eventsShown is how many events the command shows that does not follow.
const eventsShown = 20

func newEvents(p *program) *cobra.Command {
	var follow bool
	var after int64
	c := &cobra.Command{
		Use:   "events [--follow]",
		Short: "Show the latest events, or each as it happens",
		Long: `Show the latest events; with --follow, each event as it happens, until interrupted.
With --json there is one event on a line. --after goes on after an event that is known.`,
		GroupID: groupSee,
		Args:    takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if after < 0 {
				return misused("", "--after %d: use the id of an event", after)
			}
			if follow {
				return p.followEvents(c.Context(), after)
			}
			return p.latestEvents(c.Context(), after)
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on, and print each event as it happens")
	c.Flags().Int64Var(&after, "after", 0, "begin after the event of this `ID`")
	return c
}

func (p *program) latestEvents(ctx context.Context, after int64) error {
	limit := eventsShown
	if after > 0 {
		limit = 0
	}
	events, err := p.events(ctx, api.EventQuery{After: after}, limit)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := p.showEvent(e); err != nil {
			return err
		}
	}
	return nil
}

// followEvents prints events until the person interrupts, which is no error. It
// fails where the service does not answer at first; later it waits for its return.
func (p *program) followEvents(ctx context.Context, after int64) error {
	seen, away := false, false
	for m, err := range p.client().Follow(ctx, after) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!seen || !errors.Is(err, client.ErrUnreachable)):
			return err
		case err != nil:
			if !away {
				p.note("the service went away; waiting for its return")
			}
			away = true
			continue
		}
		if away {
			p.note("the service is back")
		}
		seen, away = true, false
		switch m.Kind {
		case client.Gap:
			p.note("some events were lost here; see: holdfast history")
		case client.Happened:
			if err := p.showEvent(*m.Event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *program) showEvent(e event.Event) error {
	if p.json {
		e.At = e.At.UTC()
		return p.object(e)
	}
	return p.say("%s\n", eventLine(e))
}

// eventLine is one event for a person.
func eventLine(e event.Event) string {
	return clock(e.At) + "  " + printable(e.Sentence())
}
