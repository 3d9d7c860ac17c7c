package underlay

import (
	"fmt"
	"net/netip"
)

// destination reads the address that package net gives to a control function: of
// IP sockets it has no port.
func destination(address string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return at.Addr(), nil
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("bind socket to its interface: %w", err)
	}
	return a, nil
}
