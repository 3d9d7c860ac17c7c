package agent

import (
	"fmt"
	"net"
	"net/netip"
)

// ends are the addresses of a connection's two ends.
func ends(c net.Conn) (theirs, ours netip.AddrPort, err error) {
	if theirs, err = netip.ParseAddrPort(c.RemoteAddr().String()); err != nil {
		return theirs, ours, fmt.Errorf("read the other end's address: %w", err)
	}
	if ours, err = netip.ParseAddrPort(c.LocalAddr().String()); err != nil {
		return theirs, ours, fmt.Errorf("read our own address: %w", err)
	}
	return theirs, ours, nil
}
