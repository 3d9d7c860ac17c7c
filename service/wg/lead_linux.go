package wg

import (
	"net/netip"

	"holdfast/service/underlay"
)

// leads says that there is a way to an address outside the tunnel.
func (d *Devices) leads(to netip.Addr) bool {
	return hasRoute(to, underlay.Lead(d.opts.Mark, d.isOurs))
}
