package wg

import (
	"encoding/binary"
	"time"

	"golang.zx2c4.com/wireguard/device"
)

// confirmHold is how long a new session is waited for to be confirmed, once a
// keepalive was sent in the place of a question, before questions are asked beside
// it all the same: at least four round trips.
//
// A server holds a session that the device began in the one place it has for
// the next until something comes by it. The device sends a keepalive at once,
// which may be lost; a question would then take that place, and what the device
// sends be lost until the next handshake.
const confirmHold = time.Second

// unconfirmed says that a keepalive is to be sent in the place of a question: by
// the session that the device made last nothing has come yet.
func (t *tap) unconfirmed() bool {
	answered := t.matchedAt.Load()
	if answered == 0 || answered < t.initiatedAt.Load() || t.confirmedAt.Load() >= answered {
		return false
	}
	now := sinceBegan()
	nudged := t.nudgedAt.Load()
	if nudged < answered {
		t.nudgedAt.CompareAndSwap(nudged, now)
		return true
	}
	rtt, _ := t.beside.hold()
	return now < nudged+int64(max(confirmHold, 4*rtt))
}

// sawTransport notes by which session a data packet came. A server sends by a
// session that the device began only when it has received something by it, and
// by one that it began itself to confirm it.
func (t *tap) sawTransport(msg []byte) {
	index := binary.LittleEndian.Uint32(msg[4:])
	if index == t.liveIndex.Load() && t.confirmedAt.Load() < t.matchedAt.Load() {
		t.confirmedAt.Store(sinceBegan())
	}
	if index != 0 && index == t.peerIndex.Load() {
		t.peerIndex.Store(0)
		t.servedAt.Store(sinceBegan())
	}
}

// takeOver makes a session of the device's own in the place of one that the
// server began, once. The question that has just been answered left the server
// a session in the place of the next one. With that there, the server's next handshake
// ends the present session before the device may use the new one, so that what
// it sends meanwhile were lost; the device's own does not, and whoever began a session
// also renews it.
func (t *tap) takeOver() {
	served, again := t.servedAt.Load(), t.again.Load()
	if again == nil || served == 0 || !t.servedAt.CompareAndSwap(served, 0) || t.matchedAt.Load() > served {
		return
	}
	go (*again)()
}

// responding notes a response to a handshake that the server began. A server
// that was asked a question beside the session has put the session of that
// question in the place of the next one, and drops the present one when its own
// handshake is completed. Should what it then sends to confirm its own be lost,
// the device would go on with a session that the server has dropped: so another
// is made unless something comes by the new one soon.
func (t *tap) responding(msg []byte) {
	if len(msg) != device.MessageResponseSize {
		return
	}
	index := binary.LittleEndian.Uint32(msg[4:])
	t.peerIndex.Store(index)
	again := t.again.Load()
	if again == nil || t.besideAt.Load() == 0 {
		return
	}
	_, hold := t.beside.hold()
	time.AfterFunc(hold, func() {
		if t.peerIndex.CompareAndSwap(index, 0) {
			(*again)()
		}
	})
}

// stopped says that the device has been closed.
func (m *member) stopped() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}
