package netwatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// retryDelay is after how long the state is read again that could not be read.
const retryDelay = time.Second

// loop is a Watcher at work. Its goroutine owns everything in it.
type loop struct {
	Options
	*Watcher
	handle *netlink.Handle

	// news has room for one: that something happened, be it once or often.
	news chan struct{}
	// resumed has room for one: that the clocks should be compared.
	resumed chan struct{}

	now       underlay
	last      string // the fingerprint when it was usable last
	lastWay   way    // to the server, when it was usable last
	routed    string // the addresses when there was a default route last; "": there was none yet
	sleepSeen time.Duration
}

// Watch starts to watch the network namespace of the calling thread.
func Watch(ctx context.Context, o Options) (*Watcher, error) {
	o = o.withDefaults()
	events, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("subscribe to network changes: %w", err)
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		events.Close()
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	l := &loop{
		Options: o,
		Watcher: &Watcher{inputs: make(chan failover.Input), done: make(chan struct{})},
		handle:  handle,
		news:    make(chan struct{}, 1),
		resumed: make(chan struct{}, 1),
	}
	l.sleepSeen = l.sleptSoFar()
	var wake *os.File
	if o.Jumps == nil {
		if wake, err = openWakeTimer(); err != nil {
			o.Log.Warn("waking is only noticed by network changes", "err", err)
		}
	}
	var helpers sync.WaitGroup
	helpers.Go(func() { l.receive(ctx, events) })
	if wake != nil {
		helpers.Go(func() { l.awaitWake(wake) })
	}
	go func() {
		l.run(ctx)
		events.Close()
		if wake != nil {
			_ = wake.Close()
		}
		helpers.Wait()
		handle.Close()
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

// receive turns the kernel's messages into notes until the socket is closed.
// An overrun means that many came, which is a note too.
func (l *loop) receive(ctx context.Context, events *nl.NetlinkSocket) {
	for {
		_, _, err := events.Receive()
		if errors.Is(err, os.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			l.Log.Error("network changes are no more watched", "err", err)
			return
		}
		poke(l.news)
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
		case <-l.news:
			l.checkSleep(ctx)
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
			t, err := readTables(l.handle)
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
func (l *loop) report(ctx context.Context, u underlay, fresh bool) {
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
