package main

import (
	"context"
	"strings"
	"time"

	"holdfast/app/client"
	"holdfast/service/status"
	"holdfast/web/api"
)

// A watcher shows statuses as they come.
type watcher interface {
	// show takes a status that came at a moment of this computer's clock.
	show(s *api.Status, now time.Time) error
	// tick lets ages grow between two statuses.
	tick(now time.Time) error
}

// watch shows every change until the person interrupts, which is no error. It
// fails where the service does not answer at all, and goes on where it went away.
func (p *program) watch(ctx context.Context) error {
	var w watcher = &lineWatcher{p: p}
	switch {
	case p.json:
		w = &jsonWatcher{p: p}
	case isTerminal(p.out):
		w = &screenWatcher{p: p}
	}
	type item struct {
		message client.Message
		err     error
	}
	items := make(chan item)
	follow, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with follow; closes items
		defer close(items)
		for m, err := range p.client().Follow(follow, 0) {
			select {
			case items <- item{m, err}:
			case <-follow.Done():
				return
			}
		}
	}()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for seen, last := false, error(nil); ; {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if err := w.tick(now); err != nil {
				return err
			}
		case i, more := <-items:
			switch {
			case ctx.Err() != nil:
				return nil
			case !more:
				return last
			case i.err != nil && !seen:
				return i.err
			case i.err != nil:
				last = i.err
				if err := w.show(lost(), time.Now()); err != nil {
					return err
				}
			case i.message.Status != nil:
				seen = true
				if err := w.show(i.message.Status, time.Now()); err != nil {
					return err
				}
			}
		}
	}
}

// lost is the status while the service does not answer.
func lost() *api.Status {
	return &api.Status{Status: status.Status{Schema: status.Schema, At: time.Now(), Overall: status.ServiceUnreachable}}
}

// jsonWatcher prints every status on a line.
type jsonWatcher struct{ p *program }

func (w *jsonWatcher) show(s *api.Status, now time.Time) error {
	if s.Overall == status.ServiceUnreachable {
		return w.p.say("%s\n", unreachable(now))
	}
	return w.p.statusJSON(s)
}

func (w *jsonWatcher) tick(time.Time) error { return nil }

// lineWatcher prints a line when something changes that is worth one.
type lineWatcher struct {
	p    *program
	last *gist
}

func (w *lineWatcher) show(s *api.Status, now time.Time) error {
	g := gistOf(&s.Status)
	if w.last != nil && *w.last == g {
		return nil
	}
	w.last = &g
	return w.p.say("%s  %s\n", clock(now), changed(&s.Status, s.At))
}

func (w *lineWatcher) tick(time.Time) error { return nil }

// screenWatcher redraws the whole picture, without flicker: it overwrites line
// by line and erases what is left over.
type screenWatcher struct {
	p      *program
	last   *api.Status
	lastAt time.Time // when last came, by this computer's clock
}

func (w *screenWatcher) show(s *api.Status, now time.Time) error {
	if w.last == nil {
		if err := w.p.say("\x1b[2J"); err != nil {
			return err
		}
	}
	w.last, w.lastAt = s, now
	return w.tick(now)
}

func (w *screenWatcher) tick(now time.Time) error {
	if w.last == nil {
		return nil
	}
	// The service's clock goes on from its last word at our pace.
	at := w.last.At.Add(now.Sub(w.lastAt))
	text := render(&w.last.Status, at, w.p.paintFor(w.p.out))
	return w.p.say("\x1b[H%s\x1b[J", strings.ReplaceAll(text, "\n", "\x1b[K\n"))
}
