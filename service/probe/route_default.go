//go:build !linux

package probe

import (
	"net/netip"

	"holdfast/service/diagnose"
	"holdfast/service/underlay"
)

// Route returns the way that a socket of ours would send a datagram to the
// endpoint, without sending one.
func (o *Outside) Route(to netip.AddrPort) diagnose.Route {
	out := diagnose.Route{Checked: true}
	t, err := underlay.Read()
	if err != nil {
		out.Err = words(err)
		return out
	}
	ours := o.Ours
	if o.Mark == 0 {
		ours = underlay.None // the socket follows the system's routes
	}
	way, ok := t.Toward(to.Addr(), ours)
	if !ok {
		out.Err = "no route"
		return out
	}
	o.describe(&out, t, way.Link)
	return out
}
