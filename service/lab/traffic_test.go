package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a network that answers as a function of time.
type scripted struct {
	began  time.Time
	dead   func(at time.Duration) bool
	dialed atomic.Int64
}

func (n *scripted) Ping(ctx context.Context, _ netip.Addr) (time.Duration, error) {
	if n.dead(time.Since(n.began)) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	<-time.After(20 * time.Millisecond)
	return 20 * time.Millisecond, nil
}

func (n *scripted) DialContext(context.Context, string, string) (net.Conn, error) {
	n.dialed.Add(1)
	if n.dead(time.Since(n.began)) {
		return nil, errors.New("no network")
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
			_, _ = fmt.Fprintf(theirs, "HTTP/1.1 204 No Content\r\n%s: paris\r\n\r\n", ServerHeader)
		}
	}()
	return ours, nil
}

func TestLostPingsAreCountedWithTheirTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		// Dead from 10 to 15 s.
		n := &scripted{began: began, dead: func(at time.Duration) bool { return at >= 10*time.Second && at < 15*time.Second }}
		heard := 0
		traffic := NewTraffic(n, TrafficOptions{OnPing: func(Ping) { heard++ }})
		ctx, cancel := context.WithTimeout(t.Context(), 30100*time.Millisecond)
		defer cancel()
		traffic.Run(ctx)
		c := traffic.Counts()
		if c.Lost != 10 || c.Answered != 51 || heard != 61 {
			t.Errorf("got %d lost, %d answered and %d heard; want 10, 51 and 61", c.Lost, c.Answered, heard)
		}
		if got := c.LostAt.Sub(began); got != 14500*time.Millisecond {
			t.Errorf("the last was lost at %v, want 14.5 s", got)
		}
		if got := c.AnsweredAt.Sub(began); got != 30*time.Second || c.RTT != 20*time.Millisecond {
			t.Errorf("the last was answered at %v in %v, want 30 s and 20 ms", got, c.RTT)
		}
		if answered, lost := traffic.Between(began.Add(9*time.Second), began.Add(12*time.Second)); answered != 2 || lost != 4 {
			t.Errorf("between 9 and 12 s: got %d answered and %d lost, want 2 and 4", answered, lost)
		}
		if c.Exchanges != 10 || c.Failed != 1 || c.ServedBy != "paris" {
			t.Errorf("got %d exchanges and %d failed by %q, want 10 and 1 by paris", c.Exchanges, c.Failed, c.ServedBy)
		}
	})
}

func TestTrafficEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		n := &scripted{began: began, dead: func(time.Duration) bool { return true }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		traffic := NewTraffic(n, TrafficOptions{})
		traffic.Run(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v to end, want 1 s", took)
		}
		if c := traffic.Counts(); c.Lost != 0 || c.Answered != 0 {
			t.Errorf("got %+v, want nothing whose fate is known", c)
		}
	})
}

func TestTheRingOfPingsForgetsTheOldest(t *testing.T) {
	t.Parallel()
	traffic := NewTraffic(&scripted{}, TrafficOptions{})
	start := time.Unix(1000, 0)
	for i := range pingsKept + 100 {
		traffic.note(Ping{SentAt: start.Add(time.Duration(i) * time.Second), Answered: true})
	}
	if answered, _ := traffic.Between(start, start.Add(time.Hour*24)); answered != pingsKept {
		t.Errorf("got %d pings, want %d", answered, pingsKept)
	}
	if answered, _ := traffic.Between(start, start.Add(100*time.Second)); answered != 0 {
		t.Errorf("%d of the oldest are still there", answered)
	}
}

// tunnelled is the Network of a client.
type tunnelled struct{ c *client }

func (n tunnelled) Ping(ctx context.Context, to netip.Addr) (time.Duration, error) {
	deadline, _ := ctx.Deadline()
	return n.c.ping(to, 64, time.Until(deadline))
}

func (n tunnelled) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return n.c.net.DialContext(ctx, network, address)
}

func TestTrafficThroughARealTunnel(t *testing.T) {
	t.Parallel()
	l := newTestLab(t, Options{})
	s := addServer(t, l, "paris", ServerOptions{Path: Both(Link{Latency: 5 * time.Millisecond})})
	c := newClient(t, s.ClientConfig())
	ctx, cancel := context.WithCancel(t.Context())
	traffic := NewTraffic(tunnelled{c}, TrafficOptions{})
	ended := make(chan struct{})
	go func() { defer close(ended); traffic.Run(ctx) }()
	eventually(t, 5*time.Second, "pings and an exchange are answered", func() bool {
		n := traffic.Counts()
		return n.Answered >= 2 && n.Exchanges >= 1 && n.ServedBy == "paris" && n.RTT >= 10*time.Millisecond
	})
	mustBreak(t, s, ForwardingOff)
	eventually(t, 5*time.Second, "a ping is lost", func() bool { return traffic.Counts().Lost > 0 })
	cancel()
	<-ended
}
