package store

import (
	"context"
	"slices"
	"time"

	"holdfast/service/event"
)

// queued is an event with its place in the queue.
type queued struct {
	event.Event
	place   int64     // 1 for the first event that was appended
	addedAt time.Time // monotonic
}

// gap is a run of events that the backlog had no room for.
type gap struct {
	last  int64 // the highest ID among them, free in the database
	at    int64 // its moment
	count int
}

// job is a change whose caller waits for the answer.
type job struct {
	run  func(context.Context, execer) error
	done chan error // holds one answer
}

// queue is what waits for the disk, and what waits to be announced. The Store's
// mutex guards it.
type queue struct {
	limit int
	// memoryOnly: nothing will be written; the newest events are kept.
	memoryOnly bool

	added     int64    // the place of the last event
	stored    int64    // every event up to this place is stored or given up
	events    []queued // not stored, oldest first
	streaming []queued // not announced, oldest first
	inFlight  int      // how many of events the writer holds now
	lost      gap

	samples      []Sample
	samplesSince time.Time // when the oldest of samples came; monotonic
	notices      []event.Notice
	writing      []event.Notice // those that the writer holds now
	jobs         []*job

	// generation counts additions; written is the one that is on disk.
	generation, written int64
	flushing            int           // how many callers of Flush wait
	progress            chan struct{} // closed and replaced when something changed
}

func (q *queue) init(limit int) {
	q.limit = limit
	q.progress = make(chan struct{})
}

// moved wakes whoever waits in Flush.
func (q *queue) moved() {
	close(q.progress)
	q.progress = make(chan struct{})
}

func (q *queue) unwritten() int {
	if q.memoryOnly {
		return 0
	}
	return len(q.events) + len(q.samples) + len(q.notices) + q.lost.count
}

func (q *queue) addEvents(events []event.Event, now time.Time) {
	for _, e := range events {
		e.At = e.At.UTC().Truncate(time.Microsecond)
		q.added++
		item := queued{Event: e, place: q.added, addedAt: now}
		q.events = append(q.events, item)
		q.streaming = append(q.streaming, item)
	}
	q.generation++
	q.trim()
}

func (q *queue) addSample(s Sample, now time.Time) {
	if q.memoryOnly {
		return
	}
	if len(q.samples) == 0 {
		q.samplesSince = now
	}
	q.samples = append(q.samples, s)
	q.generation++
	q.trim()
}

// addNotice keeps only the newest word on each notice.
func (q *queue) addNotice(n event.Notice) {
	q.generation++
	for i := range q.notices {
		if q.notices[i].ID == n.ID {
			n.Acknowledged = n.Acknowledged || q.notices[i].Acknowledged
			q.notices[i] = n
			return
		}
	}
	q.notices = append(q.notices, n)
	q.trim()
}

// trim keeps the queue within its limit: the oldest samples go first, then the
// oldest events that the writer does not hold, then the oldest notices.
func (q *queue) trim() {
	// Dropping some more than needed makes room for a while, so that a full
	// queue is not moved in memory at every addition.
	spare := q.limit / 50
	if over := len(q.events) + len(q.samples) - q.limit; over > 0 && len(q.samples) > 0 {
		q.samples = slices.Delete(q.samples, 0, min(over+spare, len(q.samples)))
	}
	if over := len(q.events) - q.limit; over > 0 {
		from := q.inFlight
		to := min(from+over+spare, len(q.events))
		if !q.memoryOnly {
			q.lost = q.lost.add(q.events[from:to])
		}
		q.events = slices.Delete(q.events, from, to)
	}
	if over := len(q.notices) - q.limit; over > 0 {
		q.notices = slices.Delete(q.notices, 0, over)
	}
}

func (g gap) add(events []queued) gap {
	for _, e := range events {
		g = g.join(gap{last: e.ID, at: e.At.UnixMicro(), count: 1})
	}
	return g
}

func (g gap) join(o gap) gap {
	if o.last > g.last {
		g.last, g.at = o.last, o.at
	}
	g.count += o.count
	return g
}

// batch is what the writer takes at a time.
type batch struct {
	events     []queued
	samples    []Sample
	notices    []event.Notice
	lost       gap
	generation int64
	whole      bool // nothing was left behind
}

func (b *batch) empty() bool {
	return len(b.events) == 0 && len(b.samples) == 0 && len(b.notices) == 0 && b.lost.count == 0
}

// size is about how many bytes b takes on disk.
func (b *batch) size() int {
	const row = 200
	n := row * (len(b.samples) + len(b.notices))
	for _, e := range b.events {
		n += row + len(e.Evidence) + len(e.From) + len(e.To)
	}
	return n
}

// take hands over what can be written now.
func (q *queue) take(most int) batch {
	n := min(most, len(q.events))
	b := batch{
		events:     slices.Clone(q.events[:n]),
		samples:    q.samples,
		notices:    q.notices,
		lost:       q.lost,
		generation: q.generation,
		whole:      n == len(q.events),
	}
	q.inFlight, q.writing = n, q.notices
	q.samples, q.notices, q.lost = nil, nil, gap{}
	return b
}

// done records that b is on disk.
func (q *queue) done(b batch) {
	q.events = slices.Delete(q.events, 0, len(b.events))
	q.inFlight, q.writing = 0, nil
	q.stored = q.added
	if len(q.events) > 0 {
		q.stored = q.events[0].place - 1
	}
	if b.whole {
		q.written = b.generation
	}
	q.moved()
}

// giveBack returns what could not be written.
func (q *queue) giveBack(b batch) {
	q.inFlight, q.writing = 0, nil
	q.samples = append(b.samples, q.samples...)
	q.lost = q.lost.join(b.lost)
	newer := q.notices
	q.notices = b.notices
	for _, n := range newer {
		q.addNotice(n)
	}
	q.trim()
	q.moved()
}

// announceable takes the events whose turn it is: those that are stored, and
// those that have waited too long. late is the highest ID among the latter; 0:
// none.
func (q *queue) announceable(now time.Time, wait time.Duration) (ready []event.Event, late int64) {
	for _, e := range q.streaming {
		isStored := e.place <= q.stored
		if !isStored && !q.memoryOnly && now.Sub(e.addedAt) < wait {
			break
		}
		if !isStored {
			late = max(late, e.ID)
		}
		ready = append(ready, e.Event)
	}
	q.streaming = slices.Delete(q.streaming, 0, len(ready))
	return ready, late
}
