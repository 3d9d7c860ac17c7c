package wg

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

const (
	// minSpacing is the least time between the answer to one initiation of a
	// site, as the device has taken it over, and the next initiation. A server refuses the next one within 20 ms,
	// and one whose timestamp falls into the same 16.8 ms. It is counted from
	// the answer, since only that tells when a busy server came to it at last.
	minSpacing = 40 * time.Millisecond
	// takeTime is how long the device may take to work on a response: far longer
	// than it takes on a machine that is not overloaded.
	takeTime = 300 * time.Millisecond
	// blindSpacing is the same after an initiation that was not answered.
	blindSpacing = 100 * time.Millisecond
	// firstRetry is how long the first two initiations of an ask wait for their
	// answer; later ones wait longer, since a response that comes after the next
	// initiation left is of no use. So paths with a round trip of up to
	// maxRetry are answered in the end.
	firstRetry = time.Second
	maxRetry   = 5 * time.Second
	// leastRepeat is the least time until an initiation is repeated that was sent
	// because the network below changed.
	leastRepeat = 250 * time.Millisecond
)

// ask is one wait for a round trip. The tap tells it what it sees.
type ask struct {
	index     atomic.Uint32 // sender index of the last initiation of this ask
	matched   atomic.Bool   // a response to index arrived
	responses atomic.Uint32
	cookies   atomic.Uint32
	woken     chan struct{} // cap 1

	mu        sync.Mutex
	lastReply *device.MessageCookieReply // not yet consumed
}

// wake makes the waiting goroutine look again.
func (a *ask) wake() {
	select {
	case a.woken <- struct{}{}:
	default:
	}
}

func (a *ask) response(index uint32) {
	a.responses.Add(1)
	if index == a.index.Load() {
		a.matched.Store(true)
	}
}

// cookie keeps a cookie reply. Its layout: type, receiver, nonce, cookie.
func (a *ask) cookie(msg []byte) {
	reply := &device.MessageCookieReply{
		Type:     binary.LittleEndian.Uint32(msg),
		Receiver: binary.LittleEndian.Uint32(msg[4:]),
	}
	n := copy(reply.Nonce[:], msg[8:])
	copy(reply.Cookie[:], msg[8+n:])
	a.mu.Lock()
	a.lastReply = reply
	a.mu.Unlock()
	a.cookies.Add(1)
	a.wake()
}

func (a *ask) takeCookie() *device.MessageCookieReply {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.lastReply
	a.lastReply = nil
	return r
}

// question is what distinguishes one ask from another.
type question struct {
	// send sends an initiation.
	send func(initiation []byte) error
	// soon says not to wait for an initiation that is already under way.
	soon bool
	// own says that only the response to an initiation of this ask is an answer.
	own bool
}

// roundTrip asks until an authenticated answer comes, ctx ends or the device
// is stopped. One ask at a time; others wait in line. It holds no lock.
//
// The device's session goes on working meanwhile: an initiation of ours is
// built beside the five-second gate of wireguard-go and leaves the session as
// it is until the response has been authenticated.
func (m *member) roundTrip(ctx context.Context, q question) (time.Duration, error) {
	select {
	case m.asking <- struct{}{}:
		defer func() { <-m.asking }()
	case <-ctx.Done():
		return 0, &SilenceError{}
	case <-m.done:
		return 0, ErrStopped
	}
	a := &ask{woken: make(chan struct{}, 1)}
	m.tap.ask.Store(a)
	defer m.tap.ask.Store(nil)
	before, err := m.lastHandshake()
	if err != nil {
		return 0, err
	}
	sent, cookieUsed := 0, false
	var sendErr error
	timer := time.NewTimer(m.untilNext(q.soon))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0, m.silence(a, sent, sendErr)
		case <-m.done:
			return 0, ErrStopped
		case <-a.woken:
			if m.consumeCookie(a) && !cookieUsed {
				// The next initiation carries the cookie; it need not wait.
				cookieUsed = true
				timer.Reset(minSpacing)
			}
			if a.responses.Load() == 0 || q.own && !a.matched.Load() {
				continue
			}
			if now, err := m.lastHandshake(); err != nil || now.Equal(before) {
				continue
			}
			rtt := m.lastRoundTrip()
			m.rtt.Store(int64(rtt))
			return rtt, nil
		case <-timer.C:
			if wait := m.tap.settling(); wait > 0 {
				timer.Reset(min(wait, minSpacing/4))
				continue
			}
			if sendErr = m.initiate(a, q.send); sendErr == nil {
				sent++
			}
			timer.Reset(m.retryAfter(sent))
		}
	}
}

func (m *member) silence(a *ask, sent int, sendErr error) error {
	return &SilenceError{
		Initiations: sent,
		Responses:   int(a.responses.Load()),
		Cookies:     int(a.cookies.Load()),
		Err:         sendErr,
	}
}

// untilNext is how long the first initiation of an ask must wait for one that
// is under way. Two round trips after an answered one the server has seen the
// session confirmed; sooner, packets that are under way would be lost.
func (m *member) untilNext(soon bool) time.Duration {
	free := m.tap.freeAt()
	if free == 0 {
		return 0
	}
	if used := m.tap.inUseAt(); used != 0 {
		free = max(free, used+int64(m.lastRoundTrip()))
	} else if asked := m.tap.initiatedAt.Load(); asked != 0 && !soon {
		free = max(free, asked+int64(firstRetry))
	}
	return max(0, time.Duration(free-sinceBegan()))
}

// retryAfter is how long the sent-th initiation may wait for its answer.
func (m *member) retryAfter(sent int) time.Duration {
	grown := firstRetry * time.Duration(1+max(0, sent-1)/2)
	return min(maxRetry, max(grown, 2*m.lastRoundTrip()))
}

// lastRoundTrip is the time from the last initiation to its response, or what
// an earlier ask has measured; 0: not known.
func (m *member) lastRoundTrip() time.Duration {
	if rtt := m.tap.matchedAt.Load() - m.tap.initiatedAt.Load(); rtt > 0 && m.tap.initiatedAt.Load() != 0 {
		return time.Duration(rtt)
	}
	return time.Duration(m.rtt.Load())
}

// initiate builds an initiation of the live device, tells a its index (a may be
// nil) and sends it.
func (m *member) initiate(a *ask, send func([]byte) error) error {
	msg, err := m.dev.CreateMessageInitiation(m.peer)
	if err != nil {
		return fmt.Errorf("build initiation: %w", err)
	}
	if a != nil {
		a.matched.Store(false)
		a.index.Store(msg.Sender)
	}
	packet := make([]byte, device.MessageInitiationSize)
	binary.LittleEndian.PutUint32(packet, msg.Type)
	binary.LittleEndian.PutUint32(packet[4:], msg.Sender)
	rest := packet[8:8]
	rest = append(rest, msg.Ephemeral[:]...)
	rest = append(rest, msg.Static[:]...)
	_ = append(rest, msg.Timestamp[:]...)
	m.macs.AddMacs(packet)
	if err := send(packet); err != nil {
		return fmt.Errorf("send initiation: %w", reason(err))
	}
	return nil
}

func (m *member) consumeCookie(a *ask) bool {
	reply := a.takeCookie()
	return reply != nil && m.macs.ConsumeReply(reply)
}

// sendToPeer sends where the device sends.
func (m *member) sendToPeer(packet []byte) error { return m.peer.SendBuffers([][]byte{packet}) }

// Probe asks a running device, active or not, for a round trip and returns how
// long it took. A live session goes on undisturbed. An initiation that is
// already under way is waited for first; then one is sent, and repeated after a
// second and later at longer intervals, until an answer has been authenticated
// or ctx ends.
//
// Errors: ErrUnanswered (as *SilenceError), ErrStopped, ErrNoDevice, ErrNoEndpoint.
func (d *Devices) Probe(ctx context.Context, name tunnel.Name) (time.Duration, error) {
	m, err := d.member(name)
	if err != nil {
		return 0, err
	}
	if m.peer == nil {
		return 0, ErrNoEndpoint
	}
	return m.roundTrip(ctx, question{send: m.sendToPeer})
}

// greet sends the first initiation of a new device, unless a keepalive has
// already made it do so. A network that refuses to send is no failure: the
// device goes on trying, and the counters tell.
func (m *member) greet(log *slog.Logger) {
	if m.peer == nil {
		return
	}
	if err := m.peer.SendHandshakeInitiation(false); err != nil {
		log.Debug("first initiation was not sent", "err", reason(err))
	}
}

// nudge sends one initiation as soon as the spacing allows, has it repeated while
// it is lost, and does not wait for the answer.
func (m *member) nudge(ctx context.Context) error {
	if m.peer == nil {
		return nil
	}
	if err := m.space(ctx); err != nil {
		return err
	}
	before := m.tap.initiatedAt.Load()
	defer m.insist()
	// The device's own way repeats the question by itself, but does nothing
	// within five seconds of its last one.
	if err := m.peer.SendHandshakeInitiation(false); err != nil {
		return fmt.Errorf("send initiation: %w", reason(err))
	}
	if m.tap.initiatedAt.Load() != before {
		return nil
	}
	return m.initiate(nil, m.sendToPeer)
}

// insist repeats an initiation until it is answered, sooner than the device
// itself would: one lost datagram must not pass for a server that does not
// answer, and a link that has just come up loses the first. When the device's
// own way is open again, that goes on with it.
func (m *member) insist() {
	if !m.insisting.CompareAndSwap(false, true) {
		return
	}
	asked := m.tap.initiatedAt.Load()
	go func() {
		defer m.insisting.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), device.RekeyTimeout)
		defer cancel()
		for gap := m.repeatAfter(); ; gap = min(2*gap, firstRetry) {
			if awaitSpacing(ctx, m.done, m.tap.initiatedAt.Load()+int64(gap)) != nil {
				break
			}
			// A response alone is no answer: it may be to an initiation before the
			// last one, where several waited together for a way out.
			last, err := m.lastHandshake()
			if err != nil || m.completed.take(last, time.Now(), sinceBegan()) > asked {
				return
			}
			if m.space(ctx) != nil {
				break
			}
			_ = m.initiate(nil, m.sendToPeer) // what cannot be sent now, later may
		}
		if ctx.Err() != nil {
			_ = m.peer.SendHandshakeInitiation(false) // what it cannot send, it tries again
		}
	}()
}

// repeatAfter is how long the first repetition waits: two round trips, where
// they are known, since an answer that comes later is of no use.
func (m *member) repeatAfter() time.Duration {
	if rtt := m.lastRoundTrip(); rtt > 0 {
		return min(max(2*rtt, leastRepeat), firstRetry)
	}
	return firstRetry
}

// space waits until another initiation of this device may leave: blindSpacing,
// or minSpacing after a response that comes meanwhile has been taken over.
func (m *member) space(ctx context.Context) error {
	if err := awaitSpacing(ctx, m.done, m.tap.freeAt()); err != nil {
		return err
	}
	for {
		wait := min(m.tap.settling(), minSpacing/4) // it ends when the device has taken a response over
		if wait == 0 {
			return nil
		}
		if err := awaitSpacing(ctx, m.done, sinceBegan()+int64(wait)); err != nil {
			return err
		}
	}
}

// awaitSpacing waits until the moment free. ErrStopped: done was closed.
func awaitSpacing(ctx context.Context, done <-chan struct{}, free int64) error {
	if free <= sinceBegan() {
		return nil
	}
	timer := time.NewTimer(time.Duration(free - sinceBegan()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}
