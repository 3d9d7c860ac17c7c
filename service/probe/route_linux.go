package probe

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/service/diagnose"
	"holdfast/service/underlay"
)

// Route returns the way that the system would send a marked datagram to the
// endpoint, without sending one.
func (o *Outside) Route(to netip.AddrPort) diagnose.Route {
	out := diagnose.Route{Checked: true}
	addr := to.Addr().Unmap()
	routes, err := netlink.RouteGetWithOptions(net.IP(addr.AsSlice()), &netlink.RouteGetOptions{Mark: o.Mark})
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), err == nil && len(routes) == 0:
		out.Err = "no route"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL):
		out.Err = "the system refuses to send"
	case err != nil:
		out.Err = words(err)
	}
	if out.Err != "" {
		return out
	}
	index := routes[0].LinkIndex
	if len(routes[0].MultiPath) > 0 {
		index = routes[0].MultiPath[0].LinkIndex
	}
	t, err := underlay.Read()
	if err != nil {
		out.Err = words(err)
		return out
	}
	o.describe(&out, t, index)
	return out
}
