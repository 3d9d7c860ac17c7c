package store

import (
	"context"
	"errors"
	"time"
)

// A sample is written as one row of the finest tier. When a newer sample shows
// that a step of the next tier is over, the rows of that step are summed up
// there, and so on. A tier is summed up to a moment that never goes back, so a
// sample from before it (the clock was set) is added to the coarser rows at
// once: every tier, with the finer ones for its unfinished end, holds the sum
// of all samples.

// insertSamples adds the samples and sums up the steps that are over.
func (w *writer) insertSamples(ctx context.Context, tx execer, samples []Sample) error {
	if len(samples) == 0 {
		return nil
	}
	tiers := w.tune.tiers
	upto, err := readSummed(ctx, tx, tiers)
	if err != nil {
		return err
	}
	newest := int64(0)
	for _, s := range samples {
		p := partOf(s)
		newest = max(newest, p.at)
		for i, t := range tiers {
			if i > 0 && p.at >= upto[i] {
				break
			}
			if err := addPart(ctx, tx, t.step, p); err != nil {
				return err
			}
		}
	}
	for i := 1; i < len(tiers); i++ {
		over := floorTo(newest, tiers[i].step)
		if i > 1 {
			over = floorTo(upto[i-1], tiers[i].step)
		}
		if over <= upto[i] {
			break
		}
		if err := sumUp(ctx, tx, tiers[i-1].step, tiers[i].step, upto[i], over); err != nil {
			return err
		}
		upto[i] = over
	}
	return nil
}

// sumUp adds the rows of the finer tier in [from, until) to the coarser one.
func sumUp(ctx context.Context, tx execer, fine, coarse time.Duration, from, until int64) error {
	rows, err := readParts(ctx, tx, fine, from, until, "")
	if err != nil {
		return err
	}
	type key struct {
		at     int64
		tunnel string
	}
	sums := map[key]*part{}
	var order []*part
	for _, r := range rows {
		r.at = floorTo(r.at, coarse)
		k := key{r.at, r.tunnel}
		if sum := sums[k]; sum != nil {
			sum.add(r)
			continue
		}
		sums[k] = &r
		order = append(order, &r)
	}
	for _, p := range order {
		if err := addPart(ctx, tx, coarse, *p); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO summed (step, upto) VALUES (?, ?) "+
		"ON CONFLICT (step) DO UPDATE SET upto = excluded.upto", int64(coarse/time.Second), until)
	return err
}

// addPart adds p to the row of its step.
func addPart(ctx context.Context, tx execer, step time.Duration, p part) error {
	p.at = floorTo(p.at, step)
	there, err := readParts(ctx, tx, step, p.at, p.at+1, p.tunnel)
	if err != nil {
		return err
	}
	for _, o := range there {
		if o.tunnel == p.tunnel {
			p.add(o)
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO sample (step, at, tunnel, rx, tx, rtt_sum, rtt_n, verdict, overall) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", int64(step/time.Second), p.at, p.tunnel, p.rx, p.tx, p.rttSum, p.rttN,
		string(p.verdict), string(p.overall))
	return err
}

// readSummed returns up to which moment each tier is summed up, by its place in
// tiers. The first is never summed up.
func readSummed(ctx context.Context, tx execer, tiers []tier) (upto []int64, err error) {
	upto = make([]int64, len(tiers))
	rows, err := tx.QueryContext(ctx, "SELECT step, upto FROM summed")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var step, until int64
		if err := rows.Scan(&step, &until); err != nil {
			return nil, err
		}
		for i, t := range tiers {
			if int64(t.step/time.Second) == step {
				upto[i] = until
			}
		}
	}
	return upto, rows.Err()
}
