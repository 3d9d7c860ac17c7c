//go:build !linux

package underlay

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

// far is an address that no network near has.
var far = netip.MustParseAddr("203.0.113.9")

// socket is a UDP socket that was opened without package net, which cannot open
// one under Wine. It is a syscall.RawConn.
type socket uintptr

func (s socket) Control(do func(fd uintptr)) error { do(uintptr(s)); return nil }
func (s socket) Read(func(fd uintptr) bool) error  { return errors.ErrUnsupported }
func (s socket) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }

// What is read of the machine's own network makes sense.
func TestReadHere(t *testing.T) {
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *table)
	loopback := false
	for _, l := range table.Links {
		loopback = loopback || l.Loopback && l.Up
		if l.Index <= 0 || l.Name == "" {
			t.Errorf("got %+v", l)
		}
	}
	if !loopback {
		t.Error("there is no loopback")
	}
	for _, r := range table.Routes {
		if _, known := table.Link(r.Link); !known || !r.To.IsValid() {
			t.Errorf("got %+v", r)
		}
	}
	for _, a := range table.Addrs {
		if _, known := table.Link(a.Link); !known || !a.Net.IsValid() {
			t.Errorf("got %+v", a)
		}
	}
}

// A socket goes where its destination's interface leads, and has none where that
// interface is ours.
func TestLead(t *testing.T) {
	index, err := Way(far, None)
	if errors.Is(err, ErrNoWay) {
		t.Skip("needs a network: nothing leads out of this machine")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := openUDP(t, false)
	at := netip.AddrPortFrom(far, 9).String()
	if err := Lead(1, None)("udp4", at, s); err != nil {
		t.Fatal(err)
	}
	if got := boundTo(t, s, false); got != index {
		t.Errorf("bound to %d, want %d", got, index)
	}
	all := func(string) bool { return true }
	if err := Lead(1, all)("udp4", at, s); !errors.Is(err, ErrNoWay) {
		t.Errorf("every interface is ours: got %v", err)
	}
	if err := Lead(1, all)("udp4", "127.0.0.1:9", s); err != nil {
		t.Errorf("a server in this machine: %v", err)
	}
	if got := boundTo(t, s, false); got != 0 {
		t.Errorf("a server in this machine: bound to %d", got)
	}
	if Lead(0, None) != nil {
		t.Error("without a mark sockets are to follow the system's routes")
	}
}

// A connection that fails for want of an interface says so.
func TestDialNowhere(t *testing.T) {
	d := net.Dialer{Control: Lead(1, func(string) bool { return true })}
	if c, err := d.Dial("tcp", netip.AddrPortFrom(far, 9).String()); !errors.Is(err, ErrNoWay) {
		t.Errorf("got %v, %v", c, err)
	}
}

// The system gives back the index that a socket was bound to.
func TestBind(t *testing.T) { testBind(t, false) }

func TestBindV6(t *testing.T) {
	needsBindV6(t)
	testBind(t, true)
}

func testBind(t *testing.T, v6 bool) {
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	s := openUDP(t, v6)
	for _, l := range table.Links {
		for _, index := range []int{l.Index, 0} {
			if err := Bind(uintptr(s), index, v6); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
			if got := boundTo(t, s, v6); got != index {
				t.Errorf("%s: bound to %d, want %d", l.Name, got, index)
			}
		}
	}
}
