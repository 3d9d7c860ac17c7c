package wg

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
)

// tap is a device's UDP side with counters: it sees the type and the size of
// every datagram and never what is in it. What it says of arrivals is a hint,
// since anyone can send a datagram that looks like WireGuard; authenticated is
// only what wireguard-go and the port count.
//
// Wrapping conn.StdNetBind switches off wireguard-go's listener for routes
// ("sticky sockets"), which it starts only for that very type. It is not
// missed: endpoints are pinned, so no source address is remembered for them and
// the system chooses one for each datagram; a changed network is told by
// netwatch and answered by Rebind.
type tap struct {
	conn.Bind
	may     func(stamp time.Time) bool // Options.Initiate; nil: always
	permits *permits                   // nil: there is no guard

	withheld    atomic.Uint64
	initiations leaving
	dataSent    leaving
	sendErrors  atomic.Uint64
	lastError   atomic.Pointer[error] // of sending; nil: none yet

	refused         atomic.Uint64 // datagrams that a policy kept in this machine
	cookies         atomic.Uint64 // replies that the server is under load
	peerInitiations atomic.Uint64

	unansweredAt atomic.Int64 // the oldest data packet that nothing followed
	initiatingAt atomic.Int64 // the oldest initiation of the device without response
	initiatedAt  atomic.Int64 // the last initiation of the device, whoever asked for it
	peerAskedAt  atomic.Int64 // the last initiation of the server

	// order is held while an initiation takes its place in time, so that none
	// of the device and none beside its session take the same one.
	order      sync.Mutex
	besideAt   atomic.Int64  // the last initiation beside the session
	liveIndex  atomic.Uint32 // of the last initiation of the device
	matchedAt  atomic.Int64  // the last response to that very initiation
	matched    atomic.Int64  // how long it took
	measuredAt atomic.Int64  // the matchedAt that was taken as a round trip
	// theirIndex is the server's index of the session of that response, until the
	// device sends by it, which was first at usedAt.
	theirIndex atomic.Uint32
	usedAt     atomic.Int64
	// confirmedAt is when something first came by the session of that response,
	// nudgedAt when a keepalive was first sent for that. peerIndex is ours of a
	// session that the server began and has sent nothing by; 0: there is none.
	confirmedAt atomic.Int64
	nudgedAt    atomic.Int64
	peerIndex   atomic.Uint32
	servedAt    atomic.Int64 // when something first came by it; 0: never, or it was taken over
	beside      *beside
	marks       *marks // nil: there are no echoes
	// again makes the device ask for another session. nil: the device is closed.
	again atomic.Pointer[func()]

	ask   atomic.Pointer[ask] // who waits for a round trip; nil: nobody
	armed atomic.Bool
	woken chan<- struct{} // cap 1: an armed tap saw activity
}

// newTap wraps inner. The result offers the optional interfaces that inner offers.
func newTap(inner conn.Bind, woken chan<- struct{}) (*tap, conn.Bind) {
	t := &tap{Bind: inner, woken: woken}
	t.beside = &beside{tap: t}
	toInterface, isTied := inner.(conn.BindSocketToInterface)
	peek, isOpen := inner.(conn.PeekLookAtSocketFd)
	switch {
	case isTied && isOpen:
		return t, struct {
			*tap
			conn.BindSocketToInterface
			conn.PeekLookAtSocketFd
		}{t, toInterface, peek}
	case isTied:
		return t, struct {
			*tap
			conn.BindSocketToInterface
		}{t, toInterface}
	case isOpen:
		return t, struct {
			*tap
			conn.PeekLookAtSocketFd
		}{t, peek}
	}
	return t, t
}

// Open puts a look at every arriving datagram before the device's own.
func (t *tap) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	t.permits.opening()
	fns, actual, err := t.Bind.Open(port)
	if err != nil {
		t.permits.closed()
	}
	if err == nil && actual == 0 {
		actual = port // StdNetBind tells none on a kernel without IPv6
	}
	for i, fn := range fns {
		fns[i] = func(bufs [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
			n, err := fn(bufs, sizes, eps)
			t.sawArrive(bufs[:n], sizes)
			return n, err
		}
	}
	return fns, actual, err
}

// Close closes the socket, after which nothing may leave by it.
func (t *tap) Close() error {
	defer t.permits.closed()
	return t.Bind.Close()
}

// Send counts and sends. The hints are set before the datagrams leave: set
// afterwards, they could outlive an answer that was quicker.
func (t *tap) Send(bufs [][]byte, ep conn.Endpoint) error {
	data, transport, first, initiation, activity := 0, false, false, false, false
	var wait time.Duration
	echoes := t.marks != nil && t.marks.n.Load() != 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		switch b[0] {
		case device.MessageTransportType:
			if !transport {
				transport, first = true, t.isFirst(b)
			}
			if len(b) > device.MessageKeepaliveSize && (!echoes || !t.marks.take(b)) {
				data++
				activity = true
			}
		case device.MessageInitiationType:
			initiation = true
			activity, wait = t.initiating(b)
		case device.MessageResponseType:
			t.responding(b)
		}
	}
	var marked int64
	if data > 0 && t.unansweredAt.Load() == 0 {
		if now := sinceBegan(); t.unansweredAt.CompareAndSwap(0, now) {
			marked = now
		}
	}
	if activity {
		t.signal() // before the answer to this packet can make anybody arm the tap
	}
	if initiation && t.may != nil && !t.may(time.Now()) {
		t.withheld.Add(1)
		return ErrWithheld
	}
	if wait > 0 {
		t.sendLater(bufs, ep, wait)
		return nil
	}
	counted, n := &t.dataSent, data
	if initiation {
		counted, n = &t.initiations, 1
	}
	if n > 0 {
		counted.begin(n)
	}
	err := t.send(bufs, ep)
	if n > 0 {
		counted.end(n, err)
	}
	if err != nil && marked != 0 {
		t.unansweredAt.CompareAndSwap(marked, 0)
	}
	if first {
		t.usedAt.Store(sinceBegan())
	}
	if transport {
		t.mayBeAnswered()
	}
	return err
}

// isFirst says that a data packet is the first by the session of the last response.
func (t *tap) isFirst(packet []byte) bool {
	theirs := t.theirIndex.Load()
	return theirs != 0 && len(packet) >= 8 && binary.LittleEndian.Uint32(packet[4:]) == theirs &&
		t.theirIndex.CompareAndSwap(theirs, 0)
}

// send sends, and counts what the system refuses.
func (t *tap) send(bufs [][]byte, ep conn.Endpoint) error {
	err := sendError(t.permits.send(t.Bind, bufs, ep))
	if err == nil || errors.Is(err, errStranger) {
		return err
	}
	t.sendErrors.Add(uint64(len(bufs)))
	if isPolicy(err) {
		t.refused.Add(uint64(len(bufs)))
	}
	kept := err // so that only a failing Send allocates
	t.lastError.Store(&kept)
	return err
}

// signal tells of activity, once for each time the tap was armed.
func (t *tap) signal() {
	if !t.armed.Load() || !t.armed.CompareAndSwap(true, false) {
		return
	}
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// sendError drops the report that segmentation was switched off and the
// datagrams sent without.
func sendError(err error) error {
	if off, ok := errors.AsType[conn.ErrUDPGSODisabled](err); ok {
		return off.RetryErr
	}
	return err
}

// sawArrive looks at a batch of arrived datagrams.
func (t *tap) sawArrive(bufs [][]byte, sizes []int) {
	answered := false
	for i, b := range bufs {
		size := sizes[i]
		if size < device.MinMessageSize {
			continue
		}
		switch b[0] {
		case device.MessageTransportType:
			answered = true
			t.sawTransport(b)
		case device.MessageResponseType:
			if size != device.MessageResponseSize {
				continue
			}
			if t.beside.takes(b[:size], binary.LittleEndian.Uint32(b[8:])) {
				sizes[i] = 0 // the device skips it
				continue
			}
			matches, use := t.sawResponse(b[:size])
			answered = answered || matches
			if !use {
				sizes[i] = 0
			}
		case device.MessageCookieReplyType:
			if size != device.MessageCookieReplySize {
				continue
			}
			if t.beside.takes(b[:size], binary.LittleEndian.Uint32(b[4:])) {
				sizes[i] = 0
				continue
			}
			t.sawCookie(b[:size])
		case device.MessageInitiationType:
			if size == device.MessageInitiationSize && t.beside.isForUs(b[:size], initiationAt) {
				t.peerInitiations.Add(1)
				t.peerAskedAt.Store(sinceBegan())
			}
		}
	}
	if answered && t.unansweredAt.Load() != 0 {
		t.unansweredAt.Store(0)
	}
}

// sawResponse notes the response to the last initiation of the device. Another
// one, or the same again, is of no use to the device, and one that was not made
// for our key is a stranger's, who could keep the next initiation waiting with
// it. use is false when the device must make no session of it.
func (t *tap) sawResponse(msg []byte) (matches, use bool) {
	now := sinceBegan()
	index := binary.LittleEndian.Uint32(msg[8:])
	asked := t.initiatedAt.Load()
	a := t.ask.Load()
	isAsked := a != nil && index == a.index.Load() // of another peer the device may have asked since
	isLast := index == t.liveIndex.Load() && asked != 0 && t.matchedAt.Load() < asked
	if !isAsked && !isLast || !t.beside.isForUs(msg, responseAt) {
		return false, true
	}
	if !isLast {
		a.response(index)
		return true, true
	}
	t.matched.Store(max(now-asked, 1))
	if t.overtaken(asked) {
		return true, false
	}
	t.theirIndex.Store(binary.LittleEndian.Uint32(msg[4:]))
	t.matchedAt.Store(now)
	t.initiatingAt.Store(0)
	if a != nil {
		a.response(index)
	}
	return true, true
}

// sawCookie notes that the server is under load. It says so to an initiation
// whose index no stranger knows.
func (t *tap) sawCookie(msg []byte) {
	if binary.LittleEndian.Uint32(msg[4:]) != t.liveIndex.Load() {
		return
	}
	t.cookies.Add(1)
	if a := t.ask.Load(); a != nil {
		a.cookie(msg)
	}
}

// reason is the errno of an error of sending, or else the error itself. The
// text around an errno has addresses in it.
func reason(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
