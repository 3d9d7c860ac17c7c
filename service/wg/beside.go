package wg

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

const (
	// besideSpacing is the least time between a question beside the session and
	// the next initiation of any kind: a server ignores one that comes within
	// 20 ms, and the way there makes some of them come closer than they left.
	besideSpacing = 40 * time.Millisecond
	// maxBeside is how many questions may be open; the oldest gives way.
	maxBeside = 32
	// besideLife is how long a question may be answered.
	besideLife = 10 * time.Second
	// cookieLife is how long a server accepts a cookie that it gave.
	cookieLife = 120 * time.Second
	// shortHold and longHold are the least time to let a handshake of the device
	// be answered: where the round trip is known, and where it is not.
	shortHold = 300 * time.Millisecond
	longHold  = time.Second
	// maxJudging bounds the responses that are being judged at one time. More
	// than one to a question are not the server's.
	maxJudging = 4
)

// beside keeps the questions that are asked beside the session: handshake
// initiations from the device's own socket of which the device knows nothing.
// The tap hands it the replies. An answer proves a round trip and the server's
// key, and leaves the session as it is: the server prepares a session that is
// never used, in the one place that it has for the next one.
//
// That place is why the device's own handshakes come first. Between an
// initiation of the device and the first packet of the session it makes, a
// question here would take the place of that session, and what the device then
// sends would be lost until the next one. So the questions keep away from the
// device's handshakes (besides.slot), and should one have come between all the
// same, the tap keeps the device from using such a session (tap.overtaken).
type beside struct {
	tap  *tap
	path *estimate
	self atomic.Pointer[initiator] // nil: there is no server to ask

	count    atomic.Int32 // of open; so that the tap need not lock
	judging  atomic.Int32
	mu       sync.Mutex
	open     []*aside // in the order in which they left
	closed   bool
	asked    uint64
	answers  uint64
	answered int64 // the moment of the last answer
	bad      uint64
	given    mac16 // the server's last cookie
	givenAt  int64 // 0: none
}

// aside is one question beside the session.
type aside struct {
	*opening
	to     conn.Endpoint
	dated  time.Time // zero: by the present
	leftAt int64     // when it was asked, since began
	sentAt int64     // when its last initiation left
	asking bool      // it is about to be asked a second time
	again  bool      // it is asked a second time, with a cookie
	bad    bool      // a response to it did not authenticate
	// tell takes the answer of a question that is not about the present way to
	// the server and so is in no figure. nil: it is in the figures.
	tell func(rtt time.Duration, at int64)
}

// ask sends one question to an endpoint, unless a handshake of the device is
// too near. It returns whether it left or was refused by a firewall, which is
// silence of another kind, and the error of sending.
func (b *beside) ask(to conn.Endpoint, tell func(time.Duration, int64)) (asked bool, err error) {
	return b.askDated(to, time.Time{}, tell)
}

// askDated is ask with the moment by which the question is dated. Zero: the present.
func (b *beside) askDated(to conn.Endpoint, dated time.Time, tell func(time.Duration, int64)) (asked bool, err error) {
	now, ok := b.slot()
	if !ok {
		return false, nil
	}
	a := &aside{to: to, dated: dated, leftAt: now, tell: tell}
	err = b.send(a)
	asked = err == nil || isPolicy(err)
	if asked && tell == nil {
		b.mu.Lock()
		b.asked++
		b.mu.Unlock()
	}
	return asked, err
}

// slot takes the right to send an initiation now. It is refused near a
// handshake of the device or another question.
func (b *beside) slot() (now int64, ok bool) {
	b.tap.order.Lock()
	defer b.tap.order.Unlock()
	now = sinceBegan()
	if now < b.freeAtLocked() {
		return now, false
	}
	b.tap.besideAt.Store(now)
	return now, true
}

// hold is how long a handshake of either side is given, and the round trip that
// this rests on; 0: not known.
func (b *beside) hold() (rtt, hold time.Duration) {
	rtt, _ = b.path.rtt()
	rtt = max(rtt, time.Duration(b.tap.matched.Load()))
	if rtt == 0 {
		return 0, longHold
	}
	return rtt, max(2*rtt, shortHold)
}

// freeAt is the moment from which a question may be asked.
func (b *beside) freeAt() int64 {
	b.tap.order.Lock()
	defer b.tap.order.Unlock()
	return b.freeAtLocked()
}

// freeAtLocked is the moment from which a question may be asked. The tap's
// order is held.
func (b *beside) freeAtLocked() int64 {
	t := b.tap
	rtt, hold := b.hold()
	free := int64(0)
	if at := t.besideAt.Load(); at != 0 {
		free = at + int64(besideSpacing)
	}
	if asked := t.initiatedAt.Load(); asked != 0 {
		if used := t.inUseAt(); used != 0 {
			// The device has confirmed its session by then, and the server knows
			// after half a round trip.
			free = max(free, used+int64(2*rtt+minSpacing))
		} else {
			free = max(free, asked+int64(hold))
		}
	}
	if at := t.peerAskedAt.Load(); at != 0 {
		// The server makes a session, and counts it as made when our response
		// is there: packets of the one before may still be under way.
		free = max(free, at+int64(hold))
	}
	return free
}

// send builds the initiation of a, notes it and sends it. What the system
// refuses is not kept: no answer can come.
func (b *beside) send(a *aside) error {
	self := b.self.Load()
	if self == nil {
		return ErrNoEndpoint
	}
	index, err := b.newIndex()
	if err != nil {
		return err
	}
	dated := a.dated
	if dated.IsZero() {
		dated = time.Now().Add(-stampStep)
	}
	var packet []byte
	a.opening, packet, err = self.open(index, stampOf(dated), b.cookie())
	if err != nil {
		return err
	}
	a.sentAt = sinceBegan()
	b.add(a)
	if err := b.tap.sendBeside(packet, a.to, dated); err != nil {
		b.remove(a)
		return err
	}
	return nil
}

// newIndex is one that neither an open question nor the last initiation of the
// device has: the reply to it is told apart by nothing else.
func (b *beside) newIndex() (uint32, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		var random [4]byte
		if _, err := rand.Read(random[:]); err != nil {
			return 0, err
		}
		index := binary.LittleEndian.Uint32(random[:])
		if b.findLocked(index) == nil && index != b.tap.liveIndex.Load() {
			return index, nil
		}
	}
}

func (b *beside) cookie() *mac16 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.givenAt == 0 || sinceBegan()-b.givenAt > int64(cookieLife) {
		return nil
	}
	given := b.given
	return &given
}

func (b *beside) findLocked(index uint32) *aside {
	for _, a := range b.open {
		if a.index == index {
			return a
		}
	}
	return nil
}

func (b *beside) add(a *aside) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.sweepLocked(a.sentAt)
	if len(b.open) == maxBeside {
		b.expireLocked()
	}
	b.open = append(b.open, a)
	b.count.Store(int32(len(b.open)))
}

// close forgets the questions and whoever waits for an answer. No more are kept.
func (b *beside) close() {
	b.self.Store(nil)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for len(b.open) > 0 {
		b.removeLocked(b.open[0])
	}
}

// remove returns whether a was still open.
func (b *beside) remove(a *aside) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.removeLocked(a)
}

func (b *beside) removeLocked(a *aside) bool {
	i := slices.Index(b.open, a)
	if i < 0 {
		return false
	}
	a.wipe()
	b.open = slices.Delete(b.open, i, i+1)
	b.count.Store(int32(len(b.open)))
	return true
}

// sweepLocked ends the questions that no answer is waited for any more.
func (b *beside) sweepLocked(now int64) {
	for len(b.open) > 0 && now-b.open[0].leftAt > int64(besideLife) {
		b.expireLocked()
	}
}

// expireLocked ends the oldest question as lost.
func (b *beside) expireLocked() {
	a := b.open[0]
	b.removeLocked(a)
	if a.tell == nil {
		b.path.lost()
	}
}

// yield ends the question with an index that the device has just taken for its own.
func (b *beside) yield(index uint32) {
	if b.count.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.findLocked(index); a != nil {
		b.removeLocked(a)
	}
}

// takes says whether a response or a cookie reply is to a question here. Then
// the device must not see it, and a response is judged by another goroutine, so
// that the data behind it need not wait.
func (b *beside) takes(packet []byte, receiver uint32) bool {
	if b.count.Load() == 0 {
		return false
	}
	now := sinceBegan()
	b.mu.Lock()
	a := b.findLocked(receiver)
	b.mu.Unlock()
	if a == nil {
		return false
	}
	if packet[0] == device.MessageCookieReplyType {
		b.cookieCame(a, packet)
		return true
	}
	// What a stranger made must not take the place of the answer.
	if !a.signed(packet, responseAt) {
		return true
	}
	if b.judging.Add(1) > maxJudging {
		b.judging.Add(-1)
		return true
	}
	kept := append([]byte(nil), packet...)
	go func() {
		defer b.judging.Add(-1)
		b.responseCame(a, kept, now)
	}()
	return true
}

// isForUs says that the sender of a packet, whose MAC1 begins at at, knows our
// public key, which no stranger does who only sees what we send.
func (b *beside) isForUs(packet []byte, at int) bool {
	self := b.self.Load()
	return self == nil || self.signed(packet, at)
}

func (b *beside) responseCame(a *aside, packet []byte, at int64) {
	b.mu.Lock()
	if b.findLocked(a.index) != a {
		b.mu.Unlock()
		return
	}
	opening := *a.opening // its secret is wiped when the question is closed
	b.mu.Unlock()
	switch opening.judge(packet) {
	case foreign:
	case mismatch:
		b.mu.Lock()
		defer b.mu.Unlock()
		if !a.bad {
			a.bad = true
			b.bad++
		}
	case authentic:
		b.settle(a, time.Duration(at-a.sentAt), at)
	}
}

// settle takes the authentic answer to a.
func (b *beside) settle(a *aside, rtt time.Duration, at int64) {
	b.mu.Lock()
	if !b.removeLocked(a) {
		b.mu.Unlock()
		return
	}
	if a.tell == nil {
		b.answers++
		b.answered = max(b.answered, at)
	}
	b.mu.Unlock()
	b.tap.takeOver()
	if a.tell != nil {
		a.tell(rtt, at)
		return
	}
	b.path.answered(rtt)
	b.path.roundTrip(at)
}

// cookieCame keeps the cookie and asks a second time, with it: a busy server is
// not a silent one.
func (b *beside) cookieCame(a *aside, packet []byte) {
	cookie, ok := a.cookie(packet)
	if !ok {
		return
	}
	b.tap.cookies.Add(1)
	b.mu.Lock()
	b.given, b.givenAt = cookie, sinceBegan()
	first := !a.again && !a.asking
	a.asking = true
	b.mu.Unlock()
	if !first {
		return
	}
	b.askAgain(a)
}

// askAgain repeats a question as soon as one may be asked, unless it has been
// answered or given up until then.
func (b *beside) askAgain(a *aside) {
	time.AfterFunc(max(0, time.Duration(b.freeAt()-sinceBegan())), func() {
		b.mu.Lock()
		isOpen := b.findLocked(a.index) == a && sinceBegan()-a.leftAt < int64(besideLife)
		b.mu.Unlock()
		if !isOpen {
			return
		}
		if _, ok := b.slot(); !ok {
			b.askAgain(a)
		} else if b.remove(a) {
			// Unsent is unanswered.
			again := &aside{to: a.to, leftAt: a.leftAt, again: true, tell: a.tell}
			if !a.dated.IsZero() {
				again.dated = a.dated.Add(stampStep)
			}
			_ = b.send(again)
		}
	})
}

// questions is what was asked and answered, and the responses that do not
// authenticate.
func (b *beside) questions() (q tunnel.Questions, bad uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweepLocked(sinceBegan())
	return tunnel.Questions{Sent: b.asked, Answered: b.answers, AnsweredAt: moment(b.answered)}, b.bad
}
