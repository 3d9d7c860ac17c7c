//go:build windows || darwin

package guard

import "testing"

// TestBell tells each listener once, however often it rang, and nobody who has
// stopped.
func TestBell(t *testing.T) {
	b := bell{listeners: map[chan struct{}]struct{}{}}
	first, stopFirst := b.listen()
	second, stopSecond := b.listen()
	defer stopSecond()
	b.ring()
	b.ring()
	stopFirst()
	<-first
	<-second
	b.ring()
	if len(first) != 0 || len(second) != 1 {
		t.Errorf("%d and %d are still to be heard, want 0 and 1", len(first), len(second))
	}
}
