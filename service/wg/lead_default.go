//go:build !linux

package wg

import (
	"net/netip"

	"holdfast/service/underlay"
)

// leads says that there is a way to an address outside the tunnel. No socket is
// connected to find out: the guard of Windows refuses that already, also where
// nothing is sent.
func (d *Devices) leads(to netip.Addr) bool {
	if d.opts.Mark == 0 {
		return hasRoute(to, nil)
	}
	_, err := underlay.Way(to, d.isOurs)
	return err == nil
}
