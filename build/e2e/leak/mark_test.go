package leak

import (
	"bytes"
	"testing"
)

func TestMarkIsFoundAnywhere(t *testing.T) {
	run, other := NewRun(), NewRun()
	want := Mark{Cell: 513, Way: 7, V6: true, Kind: Raw, Seq: 1 << 30}
	payload := make([]byte, 20*markSize+5)
	run.fill(payload, want)
	for from := range 8 * markSize {
		if got, ok := run.Find(payload[from:]); !ok || got != want {
			t.Fatalf("from byte %d: got %+v %t, want %+v", from, got, ok, want)
		}
	}
	if got, ok := other.Find(payload); ok {
		t.Errorf("another run finds %+v", got)
	}
	for n := range markSize - 2 {
		if got, ok := run.Find(payload[:n]); ok {
			t.Errorf("in %d bytes there is %+v, want nothing", n, got)
		}
	}
	if i := bytes.Index(payload[markSize:], run[:]); i != 0 {
		t.Errorf("the second mark begins %d bytes after the first one's end", i)
	}
}
