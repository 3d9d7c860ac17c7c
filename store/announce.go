package store

import (
	"fmt"
	"time"
)

// announceLoop calls Committed. It ends after the writer, with everything that
// is left.
func (s *Store) announceLoop() {
	defer close(s.announcerDone)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var closing bool
		select {
		case <-s.wakeAnnouncer:
		case <-timer.C:
		case <-s.writerDone:
			closing = true
		}
		wait := s.tune.announceAfter
		if closing {
			wait = 0
		}
		s.announce(wait)
		if closing {
			return
		}
		timer.Stop()
		if next := s.nextLate(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// announce tells of the events whose turn it is.
func (s *Store) announce(wait time.Duration) {
	s.mu.Lock()
	ready, late := s.queue.announceable(time.Now(), wait)
	if late > 0 && s.health == nil {
		s.health = fmt.Errorf("%w: the disk does not answer", ErrUnavailable)
	}
	s.mu.Unlock()
	if late > 0 {
		s.noteStreamed(late)
	}
	if len(ready) > 0 && s.opt.Committed != nil {
		s.opt.Committed(ready)
	}
}

// nextLate is when the oldest event will have waited too long. Zero: none waits.
func (s *Store) nextLate() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue.streaming) == 0 {
		return time.Time{}
	}
	return s.queue.streaming[0].addedAt.Add(s.tune.announceAfter)
}

// noteStreamed notes an ID that was streamed without being stored. The disk may
// hang, so that nobody waits for the note; it ends before Close returns.
func (s *Store) noteStreamed(id int64) {
	if !s.isNoting.CompareAndSwap(false, true) {
		return // the note is a stride ahead
	}
	s.noting.Go(func() {
		defer s.isNoting.Store(false)
		if err := s.known.stream(id); err != nil {
			s.log.Debug("note beside the history not written", "err", err)
		}
	})
}
