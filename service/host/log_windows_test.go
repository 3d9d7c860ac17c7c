package host

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// fakeEvents writes down what the Event Log is told.
type fakeEvents struct{ told []string }

func (f *fakeEvents) Info(_ uint32, text string) error    { return f.add("info", text) }
func (f *fakeEvents) Warning(_ uint32, text string) error { return f.add("warning", text) }
func (f *fakeEvents) Error(_ uint32, text string) error   { return f.add("error", text) }

func (f *fakeEvents) add(kind, text string) error {
	f.told = append(f.told, kind+": "+text)
	return nil
}

func TestEventsAreForWhatNeedsAPerson(t *testing.T) {
	f := &fakeEvents{}
	e := &events{log: f, mu: &sync.Mutex{}, buf: &bytes.Buffer{}}
	e.text = slog.NewTextHandler(e.buf, &slog.HandlerOptions{ReplaceAttr: plain})
	log := slog.New(e)
	log.Info("not this")
	log.With("room", "wg").Warn("it is slow", "by", "2s")
	log.WithGroup("g").Error("much", "text", "a\x00b "+strings.Repeat("x", 40000))
	if len(f.told) != 2 || f.told[0] != `warning: "it is slow" room=wg by=2s` {
		t.Fatalf("got %q", f.told)
	}
	if got := f.told[1]; !strings.HasPrefix(got, "error: ") || len(got) > mostEvent+10 || strings.Contains(got, "\x00") {
		t.Errorf("got %d bytes: %.40q", len(got), got)
	}
}
