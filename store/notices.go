package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"holdfast/service/event"
)

const noticeColumns = "id, code, severity, tunnel, title, what, advice, evidence, since, cleared_at, acknowledged"

// OpenNotices returns the notices that are not cleared, oldest first; never nil.
func (s *Store) OpenNotices(ctx context.Context) ([]event.Notice, error) {
	all, err := s.notices(ctx, "SELECT "+noticeColumns+" FROM notice WHERE cleared_at IS NULL ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("list open notices: %w", err)
	}
	all = slices.DeleteFunc(all, func(n event.Notice) bool { return !n.ClearedAt.IsZero() })
	slices.SortFunc(all, func(a, b event.Notice) int { return int(a.ID - b.ID) })
	return all, nil
}

// Notices returns the newest notices, open and cleared, newest first; never
// nil. limit is 1 to 1000; 0: 100.
func (s *Store) Notices(ctx context.Context, limit int) ([]event.Notice, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	all, err := s.notices(ctx, "SELECT "+noticeColumns+" FROM notice ORDER BY id DESC LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	slices.SortFunc(all, func(a, b event.Notice) int { return int(b.ID - a.ID) })
	return all[:min(limit, len(all))], nil
}

// Acknowledge records that the person has seen a notice, on disk before it
// returns. It answers ErrNotFound.
func (s *Store) Acknowledge(ctx context.Context, id int64) error {
	err := s.do(ctx, func(ctx context.Context, tx execer) error {
		r, err := tx.ExecContext(ctx, "UPDATE notice SET acknowledged = 1 WHERE id = ?", id)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return ErrNotFound
	})
	if err != nil {
		return fmt.Errorf("acknowledge notice %d: %w", id, err)
	}
	return nil
}

// notices reads what is on disk and lays over it what waits for the disk.
func (s *Store) notices(ctx context.Context, query string, args ...any) ([]event.Notice, error) {
	s.mu.Lock()
	waiting := slices.Concat(s.queue.writing, s.queue.notices) // the newest word last
	s.mu.Unlock()
	all := []event.Notice{}
	if db := s.db.Load(); db != nil {
		stored, err := db.notices(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		all = stored
	}
	for _, n := range waiting {
		i := slices.IndexFunc(all, func(o event.Notice) bool { return o.ID == n.ID })
		if i < 0 {
			all = append(all, n)
			continue
		}
		n.Acknowledged = n.Acknowledged || all[i].Acknowledged
		all[i] = n
	}
	return all, nil
}

func (d *database) notices(ctx context.Context, query string, args ...any) (out []event.Notice, err error) {
	rows, err := d.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = []event.Notice{}
	for rows.Next() {
		var n event.Notice
		var since int64
		var cleared sql.NullInt64
		if err := rows.Scan(&n.ID, &n.Code, &n.Severity, &n.Tunnel, &n.Title, &n.What, &n.Advice, &n.Evidence,
			&since, &cleared, &n.Acknowledged); err != nil {
			return nil, err
		}
		n.Since, n.ClearedAt = moment(since), optionalMoment(cleared)
		out = append(out, n)
	}
	return out, rows.Err()
}

func upsertNotice(ctx context.Context, tx execer, n event.Notice) error {
	var cleared sql.NullInt64
	if !n.ClearedAt.IsZero() {
		cleared = sql.NullInt64{Int64: n.ClearedAt.UnixMicro(), Valid: true}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO notice ("+noticeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET code = excluded.code, severity = excluded.severity, tunnel = excluded.tunnel,
			title = excluded.title, what = excluded.what, advice = excluded.advice, evidence = excluded.evidence,
			since = excluded.since, cleared_at = excluded.cleared_at,
			acknowledged = max(acknowledged, excluded.acknowledged)`,
		n.ID, string(n.Code), string(n.Severity), string(n.Tunnel), n.Title, n.What, n.Advice, n.Evidence,
		n.Since.UnixMicro(), cleared, n.Acknowledged)
	return err
}
