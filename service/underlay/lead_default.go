//go:build !linux

package underlay

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// Lead returns what binds a socket, before it is connected, to the interface that
// leads to its destination, and never to one that is ours. Where none leads there
// the connecting fails with ErrNoWay. The mark is no more than a word here that
// sockets are to pass below the tunnel. Mark 0: nil, nothing is done.
func Lead(mark uint32, ours func(name string) bool) func(network, address string, c syscall.RawConn) error {
	if mark == 0 {
		return nil
	}
	return func(network, address string, c syscall.RawConn) error {
		to, err := destination(address)
		if err != nil {
			return err
		}
		index, err := Way(to, ours)
		if err != nil {
			return err
		}
		var bound error
		err = c.Control(func(fd uintptr) { bound = Bind(fd, index, strings.HasSuffix(network, "6")) })
		if err == nil {
			err = bound
		}
		if err != nil {
			return fmt.Errorf("bind socket to its interface: %w", err)
		}
		return nil
	}
}

// Way returns the index of the interface that leads to an address and is not
// ours. 0: the address is of the machine itself, and no interface leads there.
// ErrNoWay.
func Way(to netip.Addr, ours func(name string) bool) (index int, err error) {
	if to.IsLoopback() {
		return 0, nil
	}
	t, err := Read()
	if err != nil {
		return 0, err
	}
	r, ok := t.Toward(to, ours)
	if !ok {
		return 0, ErrNoWay
	}
	return r.Link, nil
}
