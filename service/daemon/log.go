package daemon

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"

	"holdfast/web/api"
)

// logLines is how many lines of the log are kept for those who ask.
const logLines = 2000

// ring keeps the latest lines of the log and shows new ones to followers.
type ring struct {
	mu    sync.Mutex
	lines []api.LogLine // the oldest at next, once full
	next  int
	seats map[chan api.LogLine]struct{}
}

func newRing() *ring { return &ring{seats: map[chan api.LogLine]struct{}{}} }

// add keeps a line and shows it. A follower that does not keep up is cut off.
func (r *ring) add(l api.LogLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < logLines {
		r.lines = append(r.lines, l)
	} else {
		r.lines[r.next] = l
		r.next = (r.next + 1) % logLines
	}
	for seat := range r.seats {
		select {
		case seat <- l:
		default:
			close(seat)
			delete(r.seats, seat)
		}
	}
}

// Tail returns the latest n lines, oldest first, and a channel of those that
// follow. The channel is closed when its reader falls too far behind.
func (r *ring) Tail(n int) (lines []api.LogLine, ch <-chan api.LogLine, cancel func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]api.LogLine, 0, len(r.lines))
	all = append(append(all, r.lines[r.next:]...), r.lines[:r.next]...)
	seat := make(chan api.LogLine, 256)
	r.seats[seat] = struct{}{}
	return all[max(0, len(all)-n):], seat, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.seats, seat)
	}
}

// handler writes each record to the ring, and to next as well.
type handler struct {
	next slog.Handler
	ring *ring
	// text renders message and attributes; buf is its output, guarded by mu.
	text slog.Handler
	mu   *sync.Mutex
	buf  *bytes.Buffer
}

// newHandler keeps in r what it passes on to next.
func newHandler(next slog.Handler, r *ring) slog.Handler {
	h := &handler{next: next, ring: r, mu: &sync.Mutex{}, buf: &bytes.Buffer{}}
	h.text = slog.NewTextHandler(h.buf, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: plain})
	return h
}

// plain leaves out the moment and the level, which a line has of its own.
func plain(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled keeps everything from Info on, whatever next shows.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.next.Enabled(ctx, l)
}

// Handle keeps the record and passes it on.
func (h *handler) Handle(ctx context.Context, rec slog.Record) error {
	h.mu.Lock()
	h.buf.Reset()
	err := h.text.Handle(ctx, rec)
	text := strings.TrimPrefix(strings.TrimSpace(h.buf.String()), "msg=")
	h.mu.Unlock()
	if err != nil {
		return err
	}
	h.ring.add(api.LogLine{At: rec.Time.UTC(), Level: strings.ToLower(rec.Level.String()), Text: text})
	if !h.next.Enabled(ctx, rec.Level) {
		return nil
	}
	return h.next.Handle(ctx, rec)
}

// WithAttrs is part of slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.next, c.text = h.next.WithAttrs(attrs), h.text.WithAttrs(attrs)
	return &c
}

// WithGroup is part of slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.next, c.text = h.next.WithGroup(name), h.text.WithGroup(name)
	return &c
}
