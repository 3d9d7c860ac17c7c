//go:build !windows

package wg

import (
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"
)

// destination is where an endpoint leads. The zero value: not known.
func destination(ep conn.Endpoint) netip.AddrPort { return addressOf(ep) }
