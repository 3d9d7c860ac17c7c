package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"holdfast/service/event"
)

// Summary is how things went over a span of time.
type Summary struct {
	// Outages is how many times the person was without service, as far as the
	// outage has ended; Downtime is how long in all.
	Outages  int
	Downtime time.Duration
	// Failovers counts moves away from a member that did not work, Failbacks
	// those back to a preferred one.
	Failovers, Failbacks int
	// Restarts counts rebuilds of the same member.
	Restarts int
}

// Summary sums up what has reached the disk since one moment and before
// another. Zero: everything kept on that side.
func (s *Store) Summary(ctx context.Context, since, until time.Time) (Summary, error) {
	db := s.db.Load()
	if db == nil {
		return Summary{}, fmt.Errorf("sum up history: %w", ErrUnavailable)
	}
	end := int64(math.MaxInt64)
	if !until.IsZero() {
		end = until.UnixMicro()
	}
	var sum Summary
	var downtimeMs int64
	err := db.reader.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM event INDEXED BY event_outage WHERE at >= ?1 AND at < ?2 AND downtime_ms > 0),
		(SELECT coalesce(sum(downtime_ms), 0) FROM event INDEXED BY event_outage WHERE at >= ?1 AND at < ?2 AND downtime_ms > 0),
		(SELECT count(*) FROM event WHERE kind = ?3 AND +at >= ?1 AND +at < ?2 AND id >= first),
		(SELECT count(*) FROM event WHERE kind = ?4 AND +at >= ?1 AND +at < ?2 AND id >= first),
		(SELECT count(*) FROM event WHERE kind = ?5 AND +at >= ?1 AND +at < ?2 AND id >= first)
		FROM (SELECT coalesce(min(id), 0) AS first FROM event INDEXED BY event_at WHERE at >= ?1)`,
		since.UnixMicro(), end, string(event.FailedOver), string(event.FailedBack), string(event.Restarted)).
		Scan(&sum.Outages, &downtimeMs, &sum.Failovers, &sum.Failbacks, &sum.Restarts)
	if err != nil {
		return Summary{}, fmt.Errorf("sum up history: %w", err)
	}
	sum.Downtime = time.Duration(downtimeMs) * time.Millisecond
	return sum, nil
}
