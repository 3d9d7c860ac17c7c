//go:build !linux

package wg

import (
	"net/netip"

	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/underlay"
)

// newBind makes the UDP side of a device, tied to the interfaces below the tunnel.
// Without a mark it follows the system's routes.
func (d *Devices) newBind() conn.Bind {
	b, socket := systemBind()
	if d.opts.Mark == 0 {
		return b
	}
	return newTied(b, socket, func(to netip.Addr) (int, error) { return underlay.Way(to, d.isOurs) })
}
