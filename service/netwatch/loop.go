package netwatch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"holdfast/service/clock"
	"holdfast/service/failover"
	"holdfast/service/tunnel"
	"holdfast/service/underlay"
)

// retryDelay is after how long the state is read again that could not be read.
const retryDelay = time.Second

// loop is a Watcher at work. Its goroutine owns everything in it.
type loop struct {
	Options
	*Watcher
	reader *underlay.Reader

	// news has room for one: that something happened, be it once or often.
	news chan struct{}
	// resumed has room for one: that the clocks should be compared.
	resumed chan struct{}

	now       state
	last      string // the fingerprint when it was usable last
	lastWay   way    // to the server, when it was usable last
	routed    string // the addresses when there was a default route last; "": there was none yet
	sleepSeen time.Duration
	clocks    clock.Reading // of the last comparison
}

// Watch starts to watch the network namespace of the calling thread, where the
// system has such.
func Watch(ctx context.Context, o Options) (*Watcher, error) {
	o = o.withDefaults()
	reader, err := underlay.Open()
	if err != nil {
		return nil, err
	}
	l := &loop{
		Options: o,
		Watcher: &Watcher{inputs: make(chan failover.Input), done: make(chan struct{}), looks: make(chan struct{}, 1)},
		reader:  reader,
		news:    make(chan struct{}, 1),
		resumed: make(chan struct{}, 1),
	}
	l.clocks = l.Clock()
	l.sleepSeen = l.clocks.Suspended
	stop, err := underlay.Follow(func() { poke(l.news) }, func(err error) {
		l.Log.Error("network changes are no more watched", "err", err)
	})
	if errors.Is(err, errors.ErrUnsupported) {
		o.Log.Warn("network changes are not watched on this system", "err", err)
		stop, err = func() {}, nil
	}
	if err != nil {
		reader.Close()
		return nil, err
	}
	stopWaking := func() {}
	if o.Jumps == nil {
		if stopWaking, err = l.followWaking(); err != nil {
			o.Log.Warn("waking is only noticed by network changes", "err", err)
			stopWaking = func() {}
		}
	}
	go func() {
		l.run(ctx)
		stop()
		stopWaking()
		reader.Close()
		close(l.inputs)
		close(l.done)
	}()
	return l.Watcher, nil
}

// poke notes that something happened. One note is as good as many.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run reports the state at the start, and its changes until ctx ends.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var first time.Time // of the changes that have not been looked at; zero: none
	fresh := true       // nothing has been reported yet
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-l.Jumps:
			if !open {
				l.Jumps = nil
				continue
			}
			poke(l.resumed)
		case <-l.resumed:
			l.Jumped()
			l.checkSleep(ctx)
			first = time.Now()
			timer.Reset(returnDelay)
		case <-l.looks:
			l.compareClocks(ctx)
		case <-l.news:
			l.Moved()
			l.compareClocks(ctx)
			started := first.IsZero()
			if started {
				first = time.Now()
			}
			switch {
			case l.now.usable:
				timer.Reset(min(l.Quiet, time.Until(first.Add(l.Max))))
			case started:
				timer.Reset(returnDelay)
			}
		case <-timer.C:
			first = time.Time{}
			t, err := l.reader.Read()
			if err != nil {
				l.Log.Warn("the network's state is not known", "err", err)
				timer.Reset(retryDelay)
				continue
			}
			l.report(ctx, judge(t, l.Ignore), fresh)
			fresh = false
		}
	}
}

// report sends what is new about the underlay.
func (l *loop) report(ctx context.Context, u state, fresh bool) {
	was := l.now
	switch {
	case u.routed:
		l.routed = u.addrs
	case u.usable && l.routed != "" && u.addrs == l.routed:
		u.usable = false // the network is the same, and has lost its way out
	}
	l.now = u
	if fresh || u.usable != was.usable {
		in := failover.Underlay{Usable: u.usable}
		if !u.usable {
			in.Cause = tunnel.NoNetwork
		}
		l.Log.Info("underlay", "usable", u.usable)
		l.send(ctx, in)
	}
	if !u.usable {
		return
	}
	to := l.wayToServer()
	if l.isOther(u, to) {
		l.Log.Info("underlay changed")
		l.send(ctx, failover.NetworkChanged{})
	}
	l.last, l.lastWay = u.print, to
}

func (l *loop) send(ctx context.Context, in failover.Input) {
	select {
	case l.inputs <- in:
	case <-ctx.Done():
	}
}

// way is how the system would send to the tunnel's server: by which link, which
// gateway, from which address. The zero value is not known.
type way struct {
	to   netip.Addr
	line string
}

// known says that there is a server, and a way there.
func (w way) known() bool { return w.line != "" }

// wayToServer asks the system.
func (l *loop) wayToServer() way {
	to := l.Toward()
	if !to.IsValid() {
		return way{}
	}
	p, ok := l.reader.Path(to, l.Mark, l.Ignore)
	if !ok {
		return way{to: to}
	}
	return way{to, fmt.Sprintf("%d via %v from %v", p.Link, p.Gateway, p.From)}
}

// isOther says whether the underlay is another one than the last usable one.
// Where the server stayed the same, what counts is the way there.
func (l *loop) isOther(u state, now way) bool {
	if now.known() && l.lastWay.known() && now.to == l.lastWay.to {
		return now != l.lastWay
	}
	return l.last != "" && l.last != u.print
}
