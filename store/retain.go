package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// pruneChunk is how many rows one transaction deletes, so that an event
	// never waits long behind a pruning.
	pruneChunk = 1000
	// sizeEvery is after how many new bytes the size is looked at again.
	sizeEvery = 256 << 10
	// spareFree is how many free pages stay in the file for the next rows.
	spareFree = 256
	// prunedKey is the setting that holds when the last pruning was.
	prunedKey = "store.pruned_at"
)

const deleteSamples = "DELETE FROM sample WHERE step = ?1 AND (at, tunnel) IN " +
	"(SELECT at, tunnel FROM sample WHERE step = ?1 AND at < ?2 ORDER BY at LIMIT ?3)"

// prune deletes what is too old, at Open and then at most once an hour after
// something was written, and what is too much. An idle machine is never woken
// for it.
func (w *writer) prune(ctx context.Context) {
	db := w.db.Load()
	if db == nil || db.conn == nil {
		w.pruneNow = false
		return
	}
	var err error
	now := w.opt.Now()
	if since := now.Sub(w.prunedAt); w.pruneNow || since >= w.tune.pruneEvery || since < 0 {
		w.pruneNow = false
		w.prunedAt = now
		w.grown = sizeEvery
		err = w.pruneOld(ctx, now)
	}
	if w.grown >= sizeEvery {
		w.grown = 0
		err = errors.Join(err, w.trimSize(ctx, db))
	}
	if err != nil {
		w.log.Warn("history not pruned", "err", err)
	}
}

// pruneOld deletes what is kept no longer, unless the clock has run so far ahead
// since the last pruning that it may be wrong; then the next pruning decides.
func (w *writer) pruneOld(ctx context.Context, now time.Time) error {
	before, err := w.swapPrunedAt(ctx, now)
	if err != nil || now.Sub(before) > w.tune.distrust {
		return err
	}
	cutoff := now.Add(-w.tune.keepEvents).UnixMicro()
	// The newest event stays: its ID says where numbering goes on.
	if err := w.deleteAll(ctx, "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ? "+
		"AND id < (SELECT max(id) FROM event) ORDER BY at LIMIT ?)", cutoff); err != nil {
		return err
	}
	if err := w.deleteAll(ctx, "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE cleared_at < ? LIMIT ?)",
		cutoff); err != nil {
		return err
	}
	for i, t := range w.tune.tiers {
		if err := w.pruneTier(ctx, i, now.Add(-t.keep).UnixMicro()); err != nil {
			return err
		}
	}
	return nil
}

// pruneTier deletes the rows of a tier that are old and summed up in the next.
func (w *writer) pruneTier(ctx context.Context, i int, cutoff int64) error {
	tiers := w.tune.tiers
	if i+1 < len(tiers) {
		upto, err := readSummed(ctx, w.db.Load().conn, tiers)
		if err != nil {
			return err
		}
		cutoff = min(cutoff, upto[i+1])
	}
	return w.deleteAll(ctx, deleteSamples, int64(tiers[i].step/time.Second), cutoff)
}

// swapPrunedAt records the moment of this pruning and returns that of the last.
// now: there was none.
func (w *writer) swapPrunedAt(ctx context.Context, now time.Time) (before time.Time, err error) {
	before = now
	err = w.transact(ctx, false, func(tx execer) error {
		var micros int64
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(CAST(value AS INTEGER)), ?) FROM setting WHERE key = ?",
			now.UnixMicro(), prunedKey).Scan(&micros)
		if err != nil {
			return err
		}
		before = moment(micros)
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", prunedKey, now.UnixMicro())
		return err
	})
	return before, err
}

// deleteAll repeats a DELETE whose last argument is a limit until nothing is left.
func (w *writer) deleteAll(ctx context.Context, query string, args ...any) error {
	for {
		n, err := w.deleteSome(ctx, query, args...)
		if err != nil || n < pruneChunk {
			return err
		}
	}
}

func (w *writer) deleteSome(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = w.transact(ctx, false, func(tx execer) error {
		r, err := tx.ExecContext(ctx, query, append(args, pruneChunk)...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

// trimSize keeps the database within its size: the oldest samples go first,
// then the oldest events. It gives freed pages back to the disk.
func (w *writer) trimSize(ctx context.Context, db *database) error {
	used, free, err := db.pages(ctx)
	if err != nil {
		return err
	}
	if used > w.tune.maxPages {
		for used > w.tune.fullPages {
			n, err := w.trimSome(ctx, db)
			if err != nil || n == 0 {
				return err
			}
			if used, free, err = db.pages(ctx); err != nil {
				return err
			}
		}
	}
	if free <= spareFree {
		return nil
	}
	return db.vacuum(ctx, free-spareFree)
}

// trimSome deletes a chunk of the oldest rows.
func (w *writer) trimSome(ctx context.Context, db *database) (int64, error) {
	step, found, err := db.oldestStep(ctx, w.tune.tiers)
	if err != nil {
		return 0, err
	}
	if found {
		return w.deleteSome(ctx, deleteSamples, step, int64(math.MaxInt64))
	}
	return w.deleteSome(ctx, "DELETE FROM event WHERE id IN (SELECT id FROM event "+
		"WHERE id < (SELECT max(id) FROM event) ORDER BY id LIMIT ?)")
}

// oldestStep is the step in seconds of the tier with the oldest row.
func (d *database) oldestStep(ctx context.Context, tiers []tier) (step int64, found bool, err error) {
	oldest := int64(math.MaxInt64)
	for _, t := range tiers {
		seconds := int64(t.step / time.Second)
		var at sql.NullInt64
		if err := d.conn.QueryRowContext(ctx, "SELECT min(at) FROM sample WHERE step = ?", seconds).Scan(&at); err != nil {
			return 0, false, err
		}
		if at.Valid && at.Int64 <= oldest {
			oldest, step, found = at.Int64, seconds, true
		}
	}
	return step, found, nil
}

// pages counts the pages in use and those that are free.
func (d *database) pages(ctx context.Context) (used, free int64, err error) {
	var all int64
	err = d.conn.QueryRowContext(ctx, "SELECT (SELECT page_count FROM pragma_page_count), "+
		"(SELECT freelist_count FROM pragma_freelist_count)").Scan(&all, &free)
	return all - free, free, err
}

// vacuum gives n free pages back; each row of the answer has freed one.
func (d *database) vacuum(ctx context.Context, n int64) (err error) {
	rows, err := d.conn.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		continue
	}
	return rows.Err()
}
