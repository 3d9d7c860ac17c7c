package host

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/sys/windows/svc/eventlog"
)

// The numbers of events, by which people filter them. They never change.
const (
	eventTold    = 1 // it started, or stopped
	eventWarning = 2
	eventError   = 3
	// mostEvent is how much text an event may have, in characters.
	mostEvent = 31000
)

// systemLog is the Event Log, for a process of the service manager. Nil: there is
// none for it.
func systemLog(o Options) slog.Handler {
	if !o.Managed {
		return nil
	}
	log, err := eventlog.Open(name)
	if err != nil {
		return slog.DiscardHandler
	}
	e := &events{log: log, mu: &sync.Mutex{}, buf: &bytes.Buffer{}}
	e.text = slog.NewTextHandler(e.buf, &slog.HandlerOptions{ReplaceAttr: plain})
	return e
}

// recorder is the Event Log.
type recorder interface {
	Info(id uint32, text string) error
	Warning(id uint32, text string) error
	Error(id uint32, text string) error
}

// events writes warnings and errors to the Event Log.
type events struct {
	log recorder
	// text renders message and attributes; buf is its output, guarded by mu.
	text slog.Handler
	mu   *sync.Mutex
	buf  *bytes.Buffer
}

// plain leaves out the moment and the level, which an event has of its own.
func plain(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled is part of slog.Handler.
func (e *events) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle is part of slog.Handler.
func (e *events) Handle(ctx context.Context, r slog.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buf.Reset()
	if err := e.text.Handle(ctx, r); err != nil {
		return err
	}
	text := strings.TrimPrefix(strings.TrimSpace(e.buf.String()), "msg=")
	text = strings.ReplaceAll(text[:min(len(text), mostEvent)], "\x00", "")
	if r.Level >= slog.LevelError {
		return e.log.Error(eventError, text)
	}
	return e.log.Warning(eventWarning, text)
}

// WithAttrs is part of slog.Handler.
func (e *events) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *e
	c.text = e.text.WithAttrs(attrs)
	return &c
}

// WithGroup is part of slog.Handler.
func (e *events) WithGroup(name string) slog.Handler {
	c := *e
	c.text = e.text.WithGroup(name)
	return &c
}
