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
	"holdfast/service/tunnel"
)

const (
	eventColumns = `id, at, kind, tunnel, "from", "to", cause, evidence, downtime_ms`
	insertEvent  = "INSERT INTO event (" + eventColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"

	// defaultPage and maxPage bound the events of one page.
	defaultPage, maxPage = 100, 1000
)

// EventQuery chooses events. The zero value asks for the oldest 100.
type EventQuery struct {
	// After and Before bound the IDs, themselves not included. 0: no bound.
	After, Before int64
	// Since is the first moment asked for, Until the first one no longer asked
	// for. Zero: no bound.
	Since, Until time.Time
	// Kinds are the kinds asked for. Empty: all.
	Kinds []event.Kind
	// Tunnel is the tunnel asked for. "": all, and events about none.
	Tunnel tunnel.Name
	// Limit is the most events to return, 1 to 1000. 0: 100.
	Limit int
	// Descending asks for the newest first.
	Descending bool
}

// EventPage is one page of events.
type EventPage struct {
	Events []event.Event // never nil
	// Next is the cursor of the next page: EventQuery.After, or Before when
	// descending. 0: there are no more now.
	Next int64
}

// Events returns a page of the history, those events included that wait for
// the disk. Pages taken one after the other repeat no event and miss none,
// while others are being appended. Where the history cannot be reached they
// hold what is in memory, and Health says why.
func (s *Store) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	q.Limit = min(q.Limit, maxPage)
	// Memory first: what moves from there to disk in between is then seen
	// twice, not never.
	events := s.waiting(q)
	if db := s.db.Load(); db != nil {
		stored, err := db.events(ctx, q)
		if err != nil {
			return EventPage{}, fmt.Errorf("list events: %w", err)
		}
		events = append(stored, events...)
	}
	return q.page(events), nil
}

// waiting returns the matching events that are not on disk yet.
func (s *Store) waiting(q EventQuery) []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []event.Event
	for _, e := range s.queue.events {
		if q.matches(e.Event) {
			out = append(out, e.Event)
		}
	}
	return out
}

func (q EventQuery) matches(e event.Event) bool {
	return e.ID > q.After && (q.Before == 0 || e.ID < q.Before) &&
		(q.Since.IsZero() || !e.At.Before(q.Since)) && (q.Until.IsZero() || e.At.Before(q.Until)) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(q.Tunnel == "" || e.Tunnel == q.Tunnel)
}

// page orders events, drops what comes twice and cuts at the limit.
func (q EventQuery) page(events []event.Event) EventPage {
	slices.SortStableFunc(events, func(a, b event.Event) int {
		if q.Descending {
			a, b = b, a
		}
		return cmp.Compare(a.ID, b.ID)
	})
	events = slices.CompactFunc(events, func(a, b event.Event) bool { return a.ID == b.ID })
	if len(events) <= q.Limit {
		return EventPage{Events: append([]event.Event{}, events...)}
	}
	events = events[:q.Limit]
	return EventPage{Events: events, Next: events[q.Limit-1].ID}
}

// statement is the query in SQL, for one row more than the limit. Each kind is
// read along its own index. It never skips rows by OFFSET, whose cost grows with
// the place of the page.
func (q EventQuery) statement() (string, []any) {
	order := " ORDER BY id"
	if q.Descending {
		order += " DESC"
	}
	var bounds strings.Builder
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	args := []any{q.After, before, q.Limit + 1}
	bounds.WriteString("id > ?1 AND id < ?2")
	// Moments grow with the IDs as long as nobody sets the clock. The range of
	// IDs is found in the index of the moments, so that neither order costs a
	// walk from the far end.
	var span string
	if !q.Since.IsZero() {
		args = append(args, q.Since.UnixMicro())
		span += fmt.Sprintf(" AND at >= ?%d", len(args))
	}
	if !q.Until.IsZero() {
		args = append(args, q.Until.UnixMicro())
		span += fmt.Sprintf(" AND at < ?%d", len(args))
	}
	const found = "FROM event INDEXED BY event_at WHERE TRUE"
	if !q.Since.IsZero() {
		fmt.Fprintf(&bounds, " AND id >= (SELECT min(id) %s%s)", found, span)
	}
	if !q.Until.IsZero() {
		fmt.Fprintf(&bounds, " AND id <= (SELECT max(id) %s%s)", found, span)
	}
	// The plus keeps SQLite from walking along the moments here and sorting.
	bounds.WriteString(strings.ReplaceAll(span, "AND at", "AND +at"))
	if q.Tunnel != "" {
		args = append(args, string(q.Tunnel))
		fmt.Fprintf(&bounds, " AND tunnel <> '' AND tunnel = ?%d", len(args))
	}
	part := "SELECT * FROM (SELECT " + eventColumns + " FROM event WHERE " + bounds.String()
	end := order + " LIMIT ?3)"
	if len(q.Kinds) == 0 {
		return part + end, args
	}
	var parts []string
	for _, k := range slices.Compact(slices.Sorted(slices.Values(q.Kinds))) {
		args = append(args, string(k))
		parts = append(parts, fmt.Sprintf("%s AND kind = ?%d%s", part, len(args), end))
	}
	return strings.Join(parts, " UNION ALL ") + order + " LIMIT ?3", args
}

func (d *database) events(ctx context.Context, q EventQuery) (out []event.Event, err error) {
	text, args := q.statement()
	rows, err := d.reader.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e event.Event
		var at int64
		if err := rows.Scan(&e.ID, &at, &e.Kind, &e.Tunnel, &e.From, &e.To, &e.Cause, &e.Evidence, &e.DowntimeMs); err != nil {
			return nil, err
		}
		e.At = moment(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

func (w *writer) insertEvents(ctx context.Context, tx execer, events []queued) error {
	for _, e := range events {
		if e.ID <= 0 {
			w.log.Error("event without a number not stored", "kind", e.Kind)
			continue
		}
		r, err := tx.ExecContext(ctx, insertEvent, e.ID, e.At.UnixMicro(), string(e.Kind), string(e.Tunnel),
			e.From, e.To, string(e.Cause), e.Evidence, e.DowntimeMs)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err == nil && n == 0 {
			w.log.Error("event with a number used before not stored", "id", e.ID, "kind", e.Kind)
		}
	}
	return nil
}

// insertGap puts a row in the place of the events that were given up.
func insertGap(ctx context.Context, tx execer, g gap) error {
	evidence := fmt.Sprintf("The disk refused for too long: %d events up to this one could not be kept.", g.count)
	_, err := tx.ExecContext(ctx, insertEvent, g.last, g.at, string(KindGap), "", "", "", "", evidence, 0)
	return err
}

// lastEventID is the highest ID in the database; 0: none. A database of a newer
// schema may have no such table.
func lastEventID(ctx context.Context, d *database) (id int64, err error) {
	err = d.reader.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM event").Scan(&id)
	if err != nil && d.conn == nil {
		return 0, nil
	}
	return id, err
}

// moment reads back what time.Time.UnixMicro wrote.
func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// optionalMoment reads a moment that may be missing.
func optionalMoment(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return moment(micros.Int64)
}
