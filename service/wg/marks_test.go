package wg

import (
	"runtime"
	"testing"
	"weak"
)

// TestMarksOfDroppedPackets: the buffers of packets that a device drops may
// never come back to the port.
func TestMarksOfDroppedPackets(t *testing.T) {
	var m marks
	dropped := make([]weak.Pointer[[2048]byte], 0, 2*maxMarks)
	for range cap(dropped) {
		buf := new([2048]byte)
		dropped = append(dropped, weak.Make(buf))
		m.put(buf[:])
	}
	if got := m.n.Load(); got != maxMarks {
		t.Errorf("got %d marks, want %d", got, maxMarks)
	}
	runtime.GC()
	held := 0
	for _, p := range dropped {
		if p.Value() != nil {
			held++
		}
	}
	if held > 1 {
		t.Errorf("the marks hold %d buffers", held)
	}
	latest := make([]byte, 100)
	m.put(latest)
	if !m.take(latest[:50]) || m.take(latest) {
		t.Error("where many were dropped, a new one has no mark of its own")
	}
	m.putAt -= int64(markLife)
	m.reused([][]byte{latest})
	if got := m.n.Load(); got != 0 {
		t.Errorf("%d old marks still cost a lock for every packet", got)
	}
}
