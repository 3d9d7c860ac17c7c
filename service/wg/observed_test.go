package wg

import (
	"errors"
	"testing"

	"golang.zx2c4.com/wireguard/tun"
)

// What is new of an interface is told once, in the words of the system that tells
// the most.
func TestHistory(t *testing.T) {
	const (
		up, down, mtu = tun.EventUp, tun.EventDown, tun.EventMTUUpdate
	)
	is := func(name string, isUp bool, mtu int) condition { return condition{name: name, up: isUp, mtu: mtu} }
	for _, c := range []struct {
		name  string
		stood []condition
		want  []tun.Event
		broke error
	}{
		{"set up", []condition{is("a", true, 1420), is("a", true, 1420)}, []tun.Event{up, 0}, nil},
		{"born down", []condition{is("a", false, 1420)}, []tun.Event{0}, nil},
		{"set down, and up", []condition{is("a", true, 0), is("a", false, 0), is("a", true, 0)}, []tun.Event{up, down, up}, nil},
		{"set up with another MTU", []condition{is("a", true, 1280)}, []tun.Event{up | mtu}, nil},
		{"another MTU", []condition{is("a", true, 1420), is("a", true, 1280), is("a", true, 0), is("a", true, 1280)}, []tun.Event{up, mtu, 0, 0}, nil},
		{"removed", []condition{is("a", true, 0), {gone: true}, {gone: true}}, []tun.Event{up, down, 0}, ErrInterfaceGone},
		{"removed before it was up", []condition{{gone: true}}, []tun.Event{down}, ErrInterfaceGone},
		{"renamed", []condition{is("a", true, 0), is("b", true, 0)}, []tun.Event{up, down}, ErrInterfaceRenamed},
		{"renamed, and back", []condition{is("a", true, 0), is("b", true, 0), is("a", true, 0)}, []tun.Event{up, down, 0}, ErrInterfaceRenamed},
		{"renamed, then removed", []condition{is("b", true, 0), {gone: true}}, []tun.Event{down, 0}, ErrInterfaceRenamed},
	} {
		h := history{name: "a", mtu: 1420}
		for i, stood := range c.stood {
			if got := h.take(stood); got != c.want[i] {
				t.Errorf("%s, %d: got %b, want %b", c.name, i, got, c.want[i])
			}
		}
		if !errors.Is(h.broke, c.broke) {
			t.Errorf("%s: got %v, want %v", c.name, h.broke, c.broke)
		}
	}
}
