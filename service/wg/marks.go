package wg

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// maxMarks bounds the marks. More echoes are never under way in one device.
const maxMarks = 64

// marks tells the UDP side which datagrams are echoes of ours and not the
// applications' data, although both are encrypted. wireguard-go encrypts a
// packet where it was read to, so that the buffer that the port filled is the
// buffer that the tap sends: the port marks it, the tap takes the mark off. A
// buffer that comes back to the port without having been sent (its packet was
// dropped) loses its mark there.
//
// The zero value is ready. Without marks it costs one atomic load for a batch.
type marks struct {
	n   atomic.Int32
	mu  sync.Mutex
	set map[*byte]struct{}
}

// put marks the buffer into which the port is writing a packet of ours. buf is
// one of the bufs of Read, from its first byte, whatever the offset.
func (m *marks) put(buf []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set == nil {
		m.set = map[*byte]struct{}{}
	}
	if len(m.set) < maxMarks {
		m.set[unsafe.SliceData(buf)] = struct{}{}
	}
	m.n.Store(int32(len(m.set)))
}

// reused tells that Read has filled bufs with packets of applications.
func (m *marks) reused(bufs [][]byte) {
	if m.n.Load() == 0 {
		return
	}
	for _, b := range bufs {
		m.take(b)
	}
}

// take says whether the datagram that is about to be sent carries a packet of
// ours, and forgets the mark.
func (m *marks) take(datagram []byte) bool {
	if m.n.Load() == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := unsafe.SliceData(datagram)
	_, ours := m.set[key]
	if ours {
		delete(m.set, key)
		m.n.Store(int32(len(m.set)))
	}
	return ours
}
