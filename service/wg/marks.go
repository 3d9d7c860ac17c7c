package wg

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	// maxMarks bounds the marks; the oldest gives way. More echoes are never under
	// way in a device that has a session.
	maxMarks = 64
	// markLife is how long after the last one the marks are kept. A device without a
	// session drops what waits for one after 90 s, and such buffers may never
	// come back: their marks would cost every packet a lock.
	markLife = 2 * time.Minute
)

// marks tells the UDP side which datagrams are echoes of ours and not the
// applications' data, although both are encrypted. wireguard-go encrypts a
// packet where it was read to, so that the buffer that the port filled is the
// buffer that the tap sends: the port marks it, the tap takes the mark off. A
// buffer that comes back to the port without having been sent (its packet was
// dropped) loses its mark there.
//
// The zero value is ready. Without marks it costs one atomic load for a batch.
type marks struct {
	n     atomic.Int32
	mu    sync.Mutex
	putAt int64 // when the last one was put
	// set has the addresses of buffers, and not pointers, which would keep those
	// that have been dropped. One that has come to be at such an address since
	// loses the mark as the other would: it is filled by the port first.
	// The value is when the mark was put.
	set map[uintptr]int64
}

func place(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// put marks the buffer into which the port is writing a packet of ours. buf is
// one of the bufs of Read, from its first byte, whatever the offset.
func (m *marks) put(buf []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set == nil {
		m.set = map[uintptr]int64{}
	}
	now := sinceBegan()
	m.sweepLocked(now)
	if len(m.set) == maxMarks {
		m.dropOldestLocked()
	}
	m.set[place(buf)] = now
	m.putAt = now
	m.n.Store(int32(len(m.set)))
}

func (m *marks) dropOldestLocked() {
	var oldest uintptr
	for at, put := range m.set {
		if oldest == 0 || put < m.set[oldest] {
			oldest = at
		}
	}
	delete(m.set, oldest)
}

// sweepLocked forgets all marks when the last one is too old.
func (m *marks) sweepLocked(now int64) {
	if now-m.putAt > int64(markLife) {
		clear(m.set)
		m.n.Store(0)
	}
}

// reused tells that Read has filled bufs with packets of applications.
func (m *marks) reused(bufs [][]byte) {
	if m.n.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweepLocked(sinceBegan())
	for _, b := range bufs {
		delete(m.set, place(b))
	}
	m.n.Store(int32(len(m.set)))
}

// take says whether the datagram that is about to be sent carries a packet of
// ours, and forgets the mark.
func (m *marks) take(datagram []byte) bool {
	if m.n.Load() == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ours := m.set[place(datagram)]
	if ours {
		delete(m.set, place(datagram))
		m.n.Store(int32(len(m.set)))
	}
	return ours
}
