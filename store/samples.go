package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Sample is what one tunnel carried during one step, and how it was.
type Sample struct {
	// At is the moment of the reading; in an answer, when the step began.
	At time.Time
	// Step is the length of the step in an answer. AddSample ignores it.
	Step time.Duration
	// Tunnel is whose sample it is. In an answer about all tunnels it is "" for
	// a step in which more than one carried something.
	Tunnel tunnel.Name
	// RxBytes and TxBytes were carried during the step.
	RxBytes, TxBytes uint64
	// RTT is the mean round-trip time. 0: not measured.
	RTT time.Duration
	// Verdict and Overall are the worst there were during the step.
	Verdict health.Verdict
	Overall status.Overall
}

// SampleQuery chooses samples.
type SampleQuery struct {
	// Since is the first moment asked for; zero: an hour before Until. Until is
	// the first one no longer asked for; zero: now.
	Since, Until time.Time
	// Step is the least time between two points. It is made longer where the
	// samples of that age are kept in longer steps, and so that no more than
	// 5000 points come back. 0: as short as that allows.
	Step time.Duration
	// Tunnel asks for one tunnel. "": the sum of all.
	Tunnel tunnel.Name
}

// Samples returns points in order of time, one for each step in which something
// was sampled; never nil. Steps begin at multiples of their length since 1970.
func (s *Store) Samples(ctx context.Context, q SampleQuery) ([]Sample, error) {
	now := s.opt.Now()
	if q.Until.IsZero() {
		q.Until = now
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-time.Hour)
	}
	if !q.Since.Before(q.Until) {
		return []Sample{}, nil
	}
	db := s.db.Load()
	if db == nil {
		return nil, fmt.Errorf("list samples: %w", ErrUnavailable)
	}
	tier, step := s.tune.resolution(q, now)
	rows, err := db.samples(ctx, s.tune.tiers[:tier+1], q, step)
	if err != nil {
		return nil, fmt.Errorf("list samples: %w", err)
	}
	return sumSteps(rows, step), nil
}

// resolution chooses the tier to read and the step to answer in.
func (t *tuning) resolution(q SampleQuery, now time.Time) (tier int, step time.Duration) {
	step = max(q.Step, t.tiers[0].step)
	// One point less than allowed, for the first step may begin before Since.
	if least := q.Until.Sub(q.Since)/time.Duration(t.maxPoints-1) + 1; step < least {
		step = least
	}
	for i, k := range t.tiers {
		gone := q.Since.Before(now.Add(-k.keep)) && i < len(t.tiers)-1
		if i > 0 && k.step <= step {
			tier = i
		}
		if gone {
			tier = max(tier, i+1)
		}
	}
	unit := t.tiers[tier].step
	return tier, (max(step, unit) + unit - 1) / unit * unit
}

// part is a row of samples, or a sum of such rows.
type part struct {
	at      int64 // microseconds
	tunnel  string
	rx, tx  int64
	rttSum  int64 // microseconds
	rttN    int64
	verdict health.Verdict
	overall status.Overall
}

// mostBytes keeps sums clear of the end of 64 bits.
const mostBytes = 1 << 61

func partOf(s Sample) part {
	p := part{
		at: s.At.UnixMicro(), tunnel: string(s.Tunnel),
		rx: int64(min(s.RxBytes, mostBytes)), tx: int64(min(s.TxBytes, mostBytes)), // #nosec G115 -- bounded
		verdict: s.Verdict, overall: s.Overall,
	}
	if s.RTT > 0 {
		p.rttSum, p.rttN = min(s.RTT, time.Hour).Microseconds(), 1
	}
	return p
}

// add sums o up in p.
func (p *part) add(o part) {
	p.rx, p.tx = min(p.rx+o.rx, mostBytes), min(p.tx+o.tx, mostBytes)
	p.rttSum, p.rttN = p.rttSum+o.rttSum, p.rttN+o.rttN
	p.verdict = worse(verdictOrder, p.verdict, o.verdict)
	p.overall = worse(overallOrder, p.overall, o.overall)
}

func (p part) sample(step time.Duration) Sample {
	s := Sample{
		At: moment(p.at), Step: step, Tunnel: tunnel.Name(p.tunnel),
		RxBytes: uint64(p.rx), TxBytes: uint64(p.tx), // #nosec G115 -- never negative
		Verdict: p.verdict, Overall: p.overall,
	}
	if p.rttN > 0 {
		s.RTT = time.Duration(p.rttSum/p.rttN) * time.Microsecond
	}
	return s
}

// The orders run from good to bad: a sum must not hide that something was wrong.
var (
	verdictOrder = []health.Verdict{"", health.Idle, health.Healthy, health.Unknown, health.Suspect, health.Unhealthy}
	overallOrder = []status.Overall{
		"", status.Off, status.Idle, status.Protected, status.Connecting, status.Checking, status.Switching,
		status.SignInNeeded, status.Offline, status.Stalled, status.Blocked,
	}
)

// worse returns the word that stands later in order; unknown words come first.
func worse[T comparable](order []T, a, b T) T {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// sumSteps sums up rows, which are in order of time, over steps and tunnels.
func sumSteps(rows []part, step time.Duration) []Sample {
	out := []Sample{}
	var sum part
	open := false
	flush := func() {
		if open {
			out = append(out, sum.sample(step))
		}
	}
	for _, r := range rows {
		r.at = floorTo(r.at, step)
		if !open || r.at != sum.at {
			flush()
			sum, open = r, true
			continue
		}
		carried, carries := sum.rx+sum.tx > 0, r.rx+r.tx > 0
		switch {
		case r.tunnel == sum.tunnel:
		case !carried && carries:
			sum.tunnel = r.tunnel
		case carried && carries:
			sum.tunnel = ""
		}
		sum.add(r)
	}
	flush()
	return out
}

// floorTo is the start of the step that a moment is in.
func floorTo(micros int64, step time.Duration) int64 {
	n := step.Microseconds()
	f := micros - micros%n
	if f > micros {
		f -= n
	}
	return f
}

const samplesBetween = "SELECT at, tunnel, rx, tx, rtt_sum, rtt_n, verdict, overall FROM sample " +
	"WHERE step = ? AND at >= ? AND at < ? AND (? = '' OR tunnel = ?) ORDER BY at"

// samplesSummed sums up while it reads, by the step of the answer and by tunnel:
// a month of minutes is more rows than should be brought over one by one. total
// cannot overflow, and is exact far beyond what a line carries. The step begins
// before a moment also where that is before 1970.
var samplesSummed = "SELECT at - (at % ?6 + ?6) % ?6 AS began, tunnel, CAST(min(total(rx), 2305843009213693952.0) AS INTEGER), " +
	"CAST(min(total(tx), 2305843009213693952.0) AS INTEGER), CAST(total(rtt_sum) AS INTEGER), CAST(total(rtt_n) AS INTEGER), " +
	"max(" + placeOf("verdict", verdictOrder) + "), max(" + placeOf("overall", overallOrder) + ") FROM sample " +
	"WHERE step = ?1 AND at >= ?2 AND at < ?3 AND (?4 = '' OR tunnel = ?5) GROUP BY began, tunnel ORDER BY began, tunnel"

// placeOf is SQL for the place of a column's word in an order; -1: it has none.
func placeOf[T ~string](column string, order []T) string {
	var b strings.Builder
	b.WriteString("CASE " + column)
	for i, word := range order {
		fmt.Fprintf(&b, " WHEN '%s' THEN %d", word, i) // our own words
	}
	return b.String() + " ELSE -1 END"
}

// wordAt is the opposite of placeOf.
func wordAt[T ~string](order []T, place int) T {
	if place < 0 || place >= len(order) {
		return ""
	}
	return order[place]
}

// sumParts sums up the rows of one tier in [from, until), by step and tunnel.
func sumParts(ctx context.Context, tx execer, tier time.Duration, from, until int64, name string, step time.Duration) (out []part, err error) {
	rows, err := tx.QueryContext(ctx, samplesSummed, int64(tier/time.Second), from, until, name, name, step.Microseconds())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p part
		var verdict, overall int
		if err := rows.Scan(&p.at, &p.tunnel, &p.rx, &p.tx, &p.rttSum, &p.rttN, &verdict, &overall); err != nil {
			return nil, err
		}
		p.verdict, p.overall = wordAt(verdictOrder, verdict), wordAt(overallOrder, overall)
		out = append(out, p)
	}
	return out, rows.Err()
}

// samples reads the coarsest tier given as far as it is summed up, and the rest
// from the finer ones.
func (d *database) samples(ctx context.Context, tiers []tier, q SampleQuery, step time.Duration) (_ []part, err error) {
	tx, err := d.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one picture of all tiers
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	upto, err := readSummed(ctx, tx, tiers)
	if err != nil {
		return nil, err
	}
	from, until := floorTo(q.Since.UnixMicro(), step), q.Until.UnixMicro()
	var all []part
	for i, t := range slices.Backward(tiers) {
		end := until
		if i > 0 {
			end = min(until, upto[i])
		}
		if end <= from {
			continue
		}
		rows, err := sumParts(ctx, tx, t.step, from, end, string(q.Tunnel), step)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		from = end
	}
	return all, nil
}

// readParts reads the rows of one tier in [from, until), of one tunnel or all.
func readParts(ctx context.Context, tx execer, step time.Duration, from, until int64, name string) (out []part, err error) {
	rows, err := tx.QueryContext(ctx, samplesBetween, int64(step/time.Second), from, until, name, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p part
		if err := rows.Scan(&p.at, &p.tunnel, &p.rx, &p.tx, &p.rttSum, &p.rttN, &p.verdict, &p.overall); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
