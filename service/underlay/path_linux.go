package underlay

import (
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Path asks the kernel how a socket with a mark would send to a place. false: it
// is not known.
func (r *Reader) Path(to netip.Addr, mark uint32, _ func(name string) bool) (Path, bool) {
	routes, err := r.handle.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{Mark: mark})
	if err != nil || len(routes) == 0 {
		return Path{}, false
	}
	gateway, _ := netip.AddrFromSlice(routes[0].Gw)
	from, _ := netip.AddrFromSlice(routes[0].Src)
	return Path{Link: routes[0].LinkIndex, Gateway: gateway.Unmap(), From: from.Unmap()}, true
}
