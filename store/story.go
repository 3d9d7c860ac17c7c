package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
)

const (
	// storyBefore is how many events from before a span are read beside the
	// latest of each kind: they tell how things stood when it began.
	storyBefore = 200
	// mostCrashes is for how many starts, the latest, is looked up until when the
	// service before them is known to have run.
	mostCrashes = 500
)

// Story returns what a timeline of [since, until) is drawn from: the events
// that say how things stood, without their evidence, those that wait for the
// disk included. Of more than a hundred thousand the oldest are left out. Where
// the history cannot be reached it holds what is in memory, and Health says why.
func (s *Store) Story(ctx context.Context, since, until time.Time) (status.Known, error) {
	k := status.Known{Events: s.waiting(EventQuery{Until: until, Kinds: status.TimelineKinds()})}
	db := s.db.Load()
	if db == nil {
		return k, nil
	}
	stored, err := db.story(ctx, since, until, s.tune.maxStory)
	if err != nil {
		return status.Known{}, fmt.Errorf("read timeline: %w", err)
	}
	k.Events = append(stored, k.Events...)
	slices.SortStableFunc(k.Events, func(a, b event.Event) int { return cmp.Compare(a.ID, b.ID) })
	k.Events = slices.CompactFunc(k.Events, func(a, b event.Event) bool { return a.ID == b.ID })
	if k.Heard, err = db.heard(ctx, crashes(k.Events), s.tune.tiers); err != nil {
		return status.Known{}, fmt.Errorf("read timeline: %w", err)
	}
	return k, nil
}

// crashes are the moments of the latest starts of the service before which it
// did not say that it stopped, ascending.
func crashes(events []event.Event) []time.Time {
	var out []time.Time
	stopped := true
	for _, e := range events {
		if e.Kind == event.ServiceStarted && !stopped {
			out = append(out, e.At)
		}
		stopped = e.Kind == event.ServiceStopped
	}
	return out[max(0, len(out)-mostCrashes):]
}

// heard are the moments of the last samples before others: those of a service
// that still ran. An empty list is nil.
func (d *database) heard(ctx context.Context, before []time.Time, tiers []tier) ([]time.Time, error) {
	var out []time.Time
	for _, at := range before {
		latest := int64(math.MinInt64)
		for _, t := range tiers {
			var found sql.NullInt64
			// A step may have begun before the moment and been sampled after it.
			if err := d.reader.QueryRowContext(ctx, "SELECT max(at) FROM sample WHERE step = ? AND at <= ?",
				int64(t.step/time.Second), at.Add(-t.step).UnixMicro()).Scan(&found); err != nil {
				return nil, err
			}
			if found.Valid {
				latest = max(latest, found.Int64)
			}
		}
		if latest > math.MinInt64 {
			out = append(out, moment(latest))
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out, nil
}

const (
	storyColumns = `id, at, kind, tunnel, "from", "to", cause, downtime_ms`
	// storyWithin reads backwards, so that of too many the oldest are left out.
	storyWithin = "SELECT " + storyColumns + ` FROM event
		WHERE id >= (SELECT min(id) FROM event INDEXED BY event_at WHERE at >= ?1 AND at < ?2)
		AND id <= (SELECT max(id) FROM event INDEXED BY event_at WHERE at >= ?1 AND at < ?2)
		AND +at >= ?1 AND +at < ?2 AND kind IN (KINDS) ORDER BY id DESC LIMIT ?3`
	storyLatest = "SELECT " + storyColumns + " FROM event WHERE id <= ?1 AND +kind IN (KINDS) ORDER BY id DESC LIMIT ?2"
	storyOfKind = "SELECT * FROM (SELECT " + storyColumns + " FROM event WHERE kind = 'KIND' AND id <= ?1 ORDER BY id DESC LIMIT 1)"
)

// story reads the events of a span, and those before it that still count.
func (d *database) story(ctx context.Context, since, until time.Time, most int) ([]event.Event, error) {
	var kinds, latest []string
	for _, k := range status.TimelineKinds() {
		kinds = append(kinds, "'"+string(k)+"'") // our own words
		latest = append(latest, strings.ReplaceAll(storyOfKind, "KIND", string(k)))
	}
	all := strings.Join(kinds, ", ")
	events, err := d.tales(ctx, strings.ReplaceAll(storyWithin, "KINDS", all), since.UnixMicro(), until.UnixMicro(), most)
	if err != nil {
		return nil, err
	}
	var before int64
	if n := len(events); n > 0 {
		before = events[n-1].ID - 1
	} else if err := d.reader.QueryRowContext(ctx, "SELECT coalesce((SELECT id FROM event INDEXED BY event_at WHERE at < ? ORDER BY at DESC LIMIT 1), 0)",
		since.UnixMicro()).Scan(&before); err != nil {
		return nil, err
	}
	for _, q := range []struct {
		query string
		args  []any
	}{
		{strings.ReplaceAll(storyLatest, "KINDS", all), []any{before, storyBefore}},
		{strings.Join(latest, " UNION ALL "), []any{before}},
	} {
		older, err := d.tales(ctx, q.query, q.args...)
		if err != nil {
			return nil, err
		}
		events = append(events, older...)
	}
	return events, nil
}

// tales reads rows of storyColumns.
func (d *database) tales(ctx context.Context, query string, args ...any) (out []event.Event, err error) {
	rows, err := d.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e event.Event
		var at int64
		if err := rows.Scan(&e.ID, &at, &e.Kind, &e.Tunnel, &e.From, &e.To, &e.Cause, &e.DowntimeMs); err != nil {
			return nil, err
		}
		e.At = moment(at)
		out = append(out, e)
	}
	return out, rows.Err()
}
