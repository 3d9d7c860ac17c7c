package wg

import (
	"encoding/binary"
	"time"

	"golang.zx2c4.com/wireguard/conn"
)

// sendLater sends an initiation of the device when a question beside the
// session, which left just before it, is far enough away.
func (t *tap) sendLater(bufs [][]byte, ep conn.Endpoint, wait time.Duration) {
	kept := make([][]byte, 0, len(bufs))
	for _, b := range bufs {
		kept = append(kept, append([]byte(nil), b...))
	}
	var leave func()
	leave = func() {
		t.order.Lock()
		now := sinceBegan()
		// The question may have taken a moment to leave.
		if wait := time.Duration(t.besideAt.Load() + int64(besideSpacing) - now); wait > 0 {
			t.order.Unlock()
			time.AfterFunc(wait, leave)
			return
		}
		t.initiatedAt.Store(now)
		t.order.Unlock()
		t.initiations.begin(1)
		t.initiations.end(1, t.send(kept, ep))
	}
	time.AfterFunc(wait, leave)
}

// initiating notes an initiation that is about to leave. own: it is the device's
// and not that of an ask: an ask that goes unanswered is told to whoever asked,
// and nothing repeats it. wait is how long it must keep away from a question
// beside the session. It is noted although the system may refuse to send it: a
// firewall in this machine is silence, too.
func (t *tap) initiating(msg []byte) (own bool, wait time.Duration) {
	t.order.Lock()
	now := sinceBegan()
	t.initiatedAt.Store(now)
	if at := t.besideAt.Load(); at != 0 {
		wait = max(0, time.Duration(at+int64(besideSpacing)-now))
	}
	if len(msg) >= 8 {
		t.liveIndex.Store(binary.LittleEndian.Uint32(msg[4:]))
	}
	t.order.Unlock()
	index := t.liveIndex.Load()
	t.beside.yield(index)
	if a := t.ask.Load(); a != nil && index == a.index.Load() {
		return false, wait
	}
	t.initiatingAt.CompareAndSwap(0, now)
	return true, wait
}

// overtaken says that a question beside the session left after the initiation
// that left at asked and is now answered, later than was to be expected. The
// server has then put away the session it made of that, so that what the device
// would send in it were lost; the session before it still works. Another
// handshake is asked for, which no question disturbs: the hold after it is
// measured by how long this one took.
func (t *tap) overtaken(asked int64) bool {
	again := t.again.Load()
	if again == nil || t.besideAt.Load() <= asked {
		return false
	}
	go (*again)()
	return true
}

// sendBeside sends an initiation beside the session.
func (t *tap) sendBeside(packet []byte, to conn.Endpoint, dated time.Time) error {
	if t.may != nil && !t.may(dated) {
		t.withheld.Add(1)
		return ErrWithheld
	}
	t.order.Lock()
	t.besideAt.Store(sinceBegan()) // building it took a moment
	t.order.Unlock()
	return t.send([][]byte{packet}, to)
}

// inUseAt is when the device took over the response to its last initiation, and
// confirmed that to the server: it sends by the new session at once. What does
// not authenticate is never taken over, and given up after takeTime. 0: the last
// initiation has not been answered.
func (t *tap) inUseAt() int64 {
	asked, answered := t.initiatedAt.Load(), t.matchedAt.Load()
	if asked == 0 || answered < asked {
		return 0
	}
	if used := t.usedAt.Load(); used >= answered {
		return used
	}
	return answered + int64(takeTime)
}

// freeAt is the moment from which another initiation may leave; 0: none has left.
func (t *tap) freeAt() (free int64) {
	if at := t.besideAt.Load(); at != 0 {
		free = at + int64(besideSpacing)
	}
	asked := t.initiatedAt.Load()
	if asked == 0 {
		return free
	}
	if used := t.inUseAt(); used != 0 {
		return max(free, used+int64(minSpacing))
	}
	return max(free, asked+int64(blindSpacing))
}

// settling is how long to let the device work on a response that has arrived.
// wireguard-go verifies a response and takes it over in two steps; an initiation
// that is begun between them leaves the session with an index that the server
// does not know, and what the server sends is lost until the next handshake. One
// that comes to the server before the session is confirmed takes its place. 0:
// there is none.
func (t *tap) settling() time.Duration {
	used := t.inUseAt()
	if used == 0 {
		return 0
	}
	return max(0, time.Duration(used+int64(minSpacing)-sinceBegan()))
}

// mayBeAnswered is called after every sent data packet or keepalive. The
// device sends one the moment it has authenticated a response, so this is the
// first moment at which a waiting ask can know.
func (t *tap) mayBeAnswered() {
	if a := t.ask.Load(); a != nil && a.responses.Load() > 0 {
		a.wake()
	}
}
