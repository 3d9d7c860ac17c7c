package wg

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestReach(t *testing.T) {
	t.Parallel()
	l := newLAN()
	c := newClient(t, Options{})
	var p *path
	c.inhabit(t, "b", l, func(s *server) netip.AddrPort { p = newPath(t, s.addr, 0); return p.addr })
	if _, _, err := c.Reach(patient(t), "x", nil); !errors.Is(err, ErrNoDevice) {
		t.Errorf("got %v", err)
	}
	// A standby has learned nothing yet. What the config names is asked.
	from, rtt, err := c.Reach(patient(t), "b", []netip.Addr{beyondAddr})
	if err != nil || rtt <= 0 || from != beyondAddr && from != dnsAddr {
		t.Errorf("got %v, %v, %v", from, rtt, err)
	}
	l.silence(true, dnsAddr)
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{beyondAddr}); err != nil || from != beyondAddr {
		t.Errorf("got %v, %v", from, err)
	}
	l.silence(true, beyondAddr)
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{beyondAddr}); err != nil || from != serverAddr {
		t.Errorf("only the server answers: got %v, %v", from, err)
	}
	if from, _, err = c.Reach(patient(t), "b", []netip.Addr{serverAddr}); err != nil || from != serverAddr {
		t.Errorf("the server was asked for: got %v, %v", from, err)
	}
	p.dropAll.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := c.Reach(ctx, "b", nil); !errors.Is(err, ErrUnanswered) {
		t.Errorf("got %v", err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := c.Reach(patient(t), "b", nil)
		ended <- err
	}()
	eventually(t, "it is asked", func() bool {
		e := c.portOf(t, "b").echoes
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.calls) == 1
	})
	// A lost echo is repeated.
	p.dropAll.Store(false)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := c.mustCount(t, "b"); got.DataSent != 0 || got.DataReceived != 0 {
		t.Errorf("got %+v", got)
	}
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	cfg := configFor(key, s, s.addr)
	cfg.Interface.Addresses = nil
	c.mustStart(t, "c", cfg, StartOptions{})
	if _, _, err := c.Reach(patient(t), "c", []netip.Addr{beyondAddr}); !errors.Is(err, ErrNoResponder) {
		t.Errorf("without an address of ours: got %v", err)
	}
}

func TestReachEndsWithTheDevice(t *testing.T) {
	c := inhabited(t, newLAN(), newLAN(serverAddr, dnsAddr))
	ended := make(chan error)
	go func() {
		_, _, err := c.Reach(patient(t), "b", nil)
		ended <- err
	}()
	e := c.portOf(t, "b").echoes
	eventually(t, "it is asked", func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.calls) == 1 })
	if err := c.Stop("b"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v", err)
	}
}
