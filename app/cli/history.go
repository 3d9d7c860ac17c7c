package main

import (
	"context"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// historyLimit is how many events history shows where the person says neither
// since when nor how many.
const historyLimit = 100

// historyFlags are what selects events.
type historyFlags struct {
	since, until string
	kinds        []string
	tunnel       string
	limit        int
	csv          bool
}

func newHistory(p *program) *cobra.Command {
	var f historyFlags
	c := &cobra.Command{
		Use:   "history [--since 24h] [--csv]",
		Short: "Show what happened, oldest first",
		Long: `Show what happened, oldest first. Without --since and --limit: the latest ` + strconv.Itoa(historyLimit) + ` events.

A time is a span before now (90m, 24h, 7d) or a moment (2026-01-31, 2026-01-31T08:00:00Z).`,
		GroupID: groupSee,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.history(c.Context(), f) },
	}
	c.Flags().StringVar(&f.since, "since", "", "only events from this `time` on")
	c.Flags().StringVar(&f.until, "until", "", "only events before this `time`")
	c.Flags().StringSliceVar(&f.kinds, "kind", nil, "only events of these kinds, such as failed_over")
	c.Flags().StringVar(&f.tunnel, "tunnel", "", "only events about this tunnel")
	c.Flags().IntVar(&f.limit, "limit", 0, "the latest `N` of them; 0: all")
	c.Flags().BoolVar(&f.csv, "csv", false, "print CSV with a line of headings")
	register(c, "tunnel", complete(0, p.tunnelNames))
	register(c, "kind", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return kinds(), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// register gives a flag its completion. It panics where there is no such flag.
func register(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

func (p *program) history(ctx context.Context, f historyFlags) error {
	if f.csv && p.json {
		return misused("leave one of them out", "--csv and --json exclude each other")
	}
	q, limit, err := f.query(time.Now())
	if err != nil {
		return err
	}
	events, err := p.events(ctx, q, limit)
	if err != nil {
		return err
	}
	switch {
	case p.json:
		return p.object(map[string]any{"events": events})
	case f.csv:
		return written(writeCSV(csv.NewWriter(p.out), events))
	}
	if len(events) == 0 {
		p.note("nothing happened")
	}
	for _, e := range events {
		if err := p.say("%s\n", eventLine(e)); err != nil {
			return err
		}
	}
	return nil
}

// query checks the flags and makes the query of them. A limit of 0 is none.
func (f historyFlags) query(now time.Time) (q api.EventQuery, limit int, err error) {
	if f.limit < 0 {
		return q, 0, misused("", "--limit %d: use a number from 0", f.limit)
	}
	if q.Since, err = moment("--since", f.since, now); err != nil {
		return q, 0, err
	}
	if q.Until, err = moment("--until", f.until, now); err != nil {
		return q, 0, err
	}
	for _, k := range f.kinds {
		if !slices.Contains(kinds(), k) {
			return q, 0, misused("the kinds are "+joined(kinds()), "--kind %s: there is no such kind", k)
		}
		q.Kinds = append(q.Kinds, event.Kind(k))
	}
	if f.tunnel != "" {
		if q.Tunnel, err = tunnel.ParseName(f.tunnel); err != nil {
			return q, 0, misused("", "--tunnel: %s", err)
		}
	}
	limit = f.limit
	if limit == 0 && f.since == "" {
		limit = historyLimit
	}
	return q, limit, nil
}

// events reads page after page, and returns the latest of them oldest first; with
// After set, the first of them.
func (p *program) events(ctx context.Context, q api.EventQuery, limit int) ([]event.Event, error) {
	service := p.client()
	events := []event.Event{}
	for {
		q.Limit = api.MaxPage
		if left := limit - len(events); limit > 0 && left < q.Limit {
			q.Limit = left
		}
		page, err := service.History(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			events = append(events, e.Event)
		}
		if page.Next == "" || len(page.Events) == 0 || limit > 0 && len(events) >= limit {
			break
		}
		last := page.Events[len(page.Events)-1].ID
		if q.After > 0 {
			q.After = last
		} else {
			q.Before = last
		}
	}
	if q.After == 0 {
		slices.Reverse(events)
	}
	return events, nil
}

// moment reads a time flag: a span before now, in units of Go and days, or a
// moment. "" is the zero time.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if n := len(s); s[n-1] == 'd' {
		if days, err := strconv.ParseUint(s[:n-1], 10, 16); err == nil {
			return now.AddDate(0, 0, -int(days)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misused("such as 24h, 7d, 2026-01-31 or 2026-01-31T08:00:00Z", "%s %q is no time", flag, s)
}

// writeCSV writes the columns of the contract, times in RFC 3339 UTC.
func writeCSV(w *csv.Writer, events []event.Event) error {
	if err := w.Write([]string{"id", "at", "kind", "tunnel", "from", "to", "cause", "evidence", "downtimeMs"}); err != nil {
		return err
	}
	for _, e := range events {
		row := []string{
			strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339Nano), string(e.Kind), string(e.Tunnel),
			e.From, e.To, string(e.Cause), e.Evidence, strconv.FormatInt(e.DowntimeMs, 10),
		}
		for i, cell := range row {
			// A spreadsheet would take these for a formula.
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				row[i] = "'" + cell
			}
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// kinds are all kinds of event, for completion and for refusing a wrong one.
func kinds() []string {
	var out []string
	for _, k := range []event.Kind{
		event.WishChanged, event.StateChanged, event.VerdictChanged, event.HandshakeFailed,
		event.HandshakeRecovered, event.FailedOver, event.FailedBack, event.Restarted, event.Held,
		event.CooldownStarted, event.CooldownEnded, event.UnderlayChanged, event.Woke,
		event.EndpointChanged, event.GuardChanged, event.NoticeOpened, event.NoticeCleared,
		event.ConfigChanged, event.SettingsChanged, event.Denied, event.ServiceStarted, event.ServiceStopped,
	} {
		out = append(out, string(k))
	}
	return out
}
