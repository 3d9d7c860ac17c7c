package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"holdfast/service/event"
)

// KindGap is the kind of the row that stands in the history for events that
// could not be kept while the disk refused. Its Evidence says how many.
const KindGap event.Kind = "history_gap"

// execer is a transaction, as the writer's parts see it.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Append queues events for the disk and returns at once, whatever the disk
// does. The caller numbers them: IDs are positive, grow, and are above
// LastEventID. Moments are kept in UTC to the microsecond.
func (s *Store) Append(events []event.Event) {
	if len(events) == 0 {
		return
	}
	s.enqueue(func(q *queue, now time.Time) { q.addEvents(events, now) })
	signal(s.wakeAnnouncer)
}

// AddSample queues a sample and returns at once. Samples share a write a second.
func (s *Store) AddSample(sample Sample) {
	s.enqueue(func(q *queue, now time.Time) { q.addSample(sample, now) })
}

// SaveNotice queues a new notice, or a newer word on the one with its ID, and
// returns at once. What was acknowledged stays so.
func (s *Store) SaveNotice(n event.Notice) {
	s.enqueue(func(q *queue, _ time.Time) { q.addNotice(n) })
}

func (s *Store) enqueue(add func(*queue, time.Time)) {
	s.mu.Lock()
	if !s.closed {
		add(&s.queue, time.Now())
	}
	s.mu.Unlock()
	signal(s.wakeWriter)
}

// Flush waits until everything queued before is on disk. It answers ErrReadOnly
// and ErrClosed, and with the context's error also what Health says.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	target := s.queue.generation
	s.queue.flushing++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.queue.flushing--
		s.mu.Unlock()
	}()
	signal(s.wakeWriter)
	for {
		s.mu.Lock()
		done, memoryOnly, progress, health := s.queue.written >= target, s.queue.memoryOnly, s.queue.progress, s.health
		s.mu.Unlock()
		if done {
			return nil
		}
		if memoryOnly {
			return fmt.Errorf("flush: %w", health)
		}
		select {
		case <-progress:
		case <-s.writerDone:
			if s.isWritten(target) {
				return nil
			}
			return fmt.Errorf("flush: %w", ErrClosed)
		case <-ctx.Done():
			return fmt.Errorf("flush: %w", errors.Join(ctx.Err(), health))
		}
	}
}

func (s *Store) isWritten(generation int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.written >= generation
}

// do has the writer run a change in a transaction of its own and waits for it.
func (s *Store) do(ctx context.Context, run func(context.Context, execer) error) error {
	j := &job{run: run, done: make(chan error, 1)}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case s.queue.memoryOnly:
		defer s.mu.Unlock()
		return s.health
	}
	s.queue.jobs = append(s.queue.jobs, j)
	s.mu.Unlock()
	signal(s.wakeWriter)
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeLoop is the one writer. It ends after Close, with one last try.
func (s *Store) writeLoop() {
	defer close(s.writerDone)
	w := &writer{Store: s, pruneNow: true}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.wakeWriter:
		case <-timer.C:
		}
		again, closing := w.turn()
		if closing {
			w.last()
			return
		}
		timer.Stop()
		if !again.IsZero() {
			timer.Reset(time.Until(again))
		}
	}
}

// writer is the state of the writer's goroutine.
type writer struct {
	*Store
	retryAt  time.Time     // zero: the last write worked
	backoff  time.Duration // 0: the last write worked
	pruneNow bool          // Open asks for a pruning
	prunedAt time.Time     // by Options.Now
	grown    int           // bytes, roughly, since the size was last looked at
}

// turn writes what is due, and says when to come again (zero: when woken) or
// that the store is closing.
func (w *writer) turn() (again time.Time, closing bool) {
	ctx := context.Background()
	for {
		w.mu.Lock()
		closing = w.closed
		due, at := w.dueLocked(time.Now())
		if closing || !due {
			w.mu.Unlock()
			if !closing && w.pruneNow && w.retryAt.IsZero() {
				w.prune(ctx)
			}
			return at, closing
		}
		b := w.queue.take(w.tune.batch)
		jobs := w.queue.jobs
		w.queue.jobs = nil
		w.mu.Unlock()
		w.write(ctx, b, jobs)
	}
}

// dueLocked says whether to write now, else when. Store.mu is held.
func (w *writer) dueLocked(now time.Time) (bool, time.Time) {
	q := &w.queue
	if q.memoryOnly {
		return false, time.Time{}
	}
	if len(q.jobs) > 0 {
		return true, time.Time{} // its caller waits for an answer, even a bad one
	}
	if q.generation == q.written && q.unwritten() == 0 {
		return false, time.Time{}
	}
	at := now
	if len(q.events) == 0 && len(q.notices) == 0 && q.flushing == 0 && len(q.samples) > 0 {
		at = q.samplesSince.Add(w.tune.sampleDelay)
	}
	if w.retryAt.After(at) {
		at = w.retryAt
	}
	return !at.After(now), at
}

// last makes one more try on behalf of Close.
func (w *writer) last() {
	for {
		w.mu.Lock()
		b := w.queue.take(w.tune.batch)
		jobs := w.queue.jobs
		w.queue.jobs = nil
		memoryOnly := w.queue.memoryOnly
		w.mu.Unlock()
		if memoryOnly || b.empty() && len(jobs) == 0 {
			w.mu.Lock()
			w.queue.giveBack(b)
			w.mu.Unlock()
			return
		}
		w.write(context.Background(), b, jobs)
		if w.backoff > 0 {
			return
		}
	}
}

// write brings b and the jobs to disk, or gives them back.
func (w *writer) write(ctx context.Context, b batch, jobs []*job) {
	err := w.commit(ctx, b)
	if err == nil {
		w.succeeded(b)
	} else {
		w.failed(b, err)
	}
	for _, j := range jobs {
		if err != nil {
			j.done <- err
			continue
		}
		j.done <- w.transact(ctx, true, func(tx execer) error { return j.run(ctx, tx) })
	}
	if err == nil {
		w.prune(ctx)
	}
}

func (w *writer) succeeded(b batch) {
	if w.backoff > 0 {
		w.log.Info("history written again", "took", time.Since(w.retryAt.Add(-w.backoff)))
	}
	w.backoff, w.retryAt = 0, time.Time{}
	w.grown += b.size()
	w.mu.Lock()
	w.queue.done(b)
	w.health = nil
	w.mu.Unlock()
	signal(w.wakeAnnouncer)
}

func (w *writer) failed(b batch, err error) {
	if w.backoff == 0 {
		w.log.Warn("history not written, kept in memory", "err", err)
	}
	w.backoff = min(max(2*w.backoff, w.tune.retryFirst), w.tune.retryMost)
	w.retryAt = time.Now().Add(w.backoff)
	w.mu.Lock()
	w.queue.giveBack(b)
	if !w.queue.memoryOnly {
		w.health = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	w.mu.Unlock()
	if isDamaged(err) {
		w.condemn(err)
	}
}

// condemn closes a database that turned out damaged while in use; the next
// write moves it aside and opens a new one.
func (w *writer) condemn(damage error) {
	db := w.db.Swap(nil)
	if db == nil {
		return
	}
	w.condemned = damage
	w.log.Error("history damaged, starting a new one", "err", damage)
	if err := db.close(); err != nil {
		w.log.Warn("damaged history not closed", "err", err)
	}
}

// commit writes b in one transaction, opening the database where that has not
// worked before.
func (w *writer) commit(ctx context.Context, b batch) error {
	if w.db.Load() == nil {
		if _, err := w.attach(ctx); err != nil {
			return err
		}
		w.log.Info("history opened")
	}
	if b.empty() {
		return nil
	}
	if n := len(b.events); n > 0 {
		// A note that cannot be written now matters only if the database is
		// lost as well.
		if err := w.known.reserve(b.events[n-1].ID); err != nil {
			w.log.Warn("note beside the history not written", "err", err)
		}
	}
	lasting := len(b.events) > 0 || len(b.notices) > 0 || b.lost.count > 0
	return w.transact(ctx, lasting, func(tx execer) error { return w.insert(ctx, tx, b) })
}

func (w *writer) insert(ctx context.Context, tx execer, b batch) error {
	if err := w.insertEvents(ctx, tx, b.events); err != nil {
		return err
	}
	if b.lost.count > 0 {
		if err := insertGap(ctx, tx, b.lost); err != nil {
			return err
		}
	}
	for _, n := range b.notices {
		if err := upsertNotice(ctx, tx, n); err != nil {
			return err
		}
	}
	return w.insertSamples(ctx, tx, b.samples)
}

// transact runs f in one transaction, which lasts through a power cut where
// lasting is set. Samples alone do not ask the disk for that.
func (w *writer) transact(ctx context.Context, lasting bool, f func(execer) error) error {
	db := w.db.Load()
	if db == nil {
		return ErrUnavailable
	}
	if db.conn == nil {
		return ErrReadOnly
	}
	if err := db.setLasting(ctx, lasting); err != nil {
		return err
	}
	tx, err := db.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // a full disk has rolled back by itself
		return err
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return err
	}
	return nil
}

func (d *database) setLasting(ctx context.Context, lasting bool) error {
	if d.lazy == !lasting {
		return nil
	}
	mode := "NORMAL"
	if lasting {
		mode = "FULL"
	}
	if _, err := d.conn.ExecContext(ctx, "PRAGMA synchronous = "+mode); err != nil {
		return err
	}
	d.lazy = !lasting
	return nil
}
