package probe

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/service/diagnose"
)

// Route returns the way that the system would send a marked datagram to the
// endpoint, without sending one.
//
// A tunnel is known by the kind of its interface: tun, tap, WireGuard, IPsec,
// and PPP where another interface leads to a router too, for without one it is
// the line itself.
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
	link, err := netlink.LinkByIndex(index)
	if err != nil {
		out.Err = words(err)
		return out
	}
	out.Interface = link.Attrs().Name
	switch {
	case o.Ours(out.Interface):
		out.Err = "the way leads into the tunnel itself"
	case isPPP(link):
		out.Foreign = leadsElsewhere(link)
	default:
		out.Foreign = isTunnel(link)
	}
	return out
}

// tunnels are the kinds of interfaces of which another interface carries the
// traffic, by the decision of a program.
var tunnels = []string{"tun", "tuntap", "wireguard", "xfrm", "vti", "vti6", "ovpn", "amneziawg"}

// isTunnel does not count the translator by which IPv4 gets out of a network
// that has only IPv6.
func isTunnel(l netlink.Link) bool {
	return slices.Contains(tunnels, l.Type()) && !strings.HasPrefix(l.Attrs().Name, "clat")
}

func isPPP(l netlink.Link) bool {
	return l.Type() == "ppp" || l.Attrs().EncapType == "ppp"
}

// leadsElsewhere says that another interface than a PPP one leads to a router:
// then the PPP one may be a tunnel inside it.
func leadsElsewhere(ppp netlink.Link) bool {
	links, err := whole(netlink.LinkList)
	if err != nil {
		return false
	}
	below := map[int]bool{}
	for _, l := range links {
		if !isTunnel(l) && !isPPP(l) {
			below[l.Attrs().Index] = true
		}
	}
	routes, err := whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return false
	}
	for _, r := range routes {
		if r.Gw != nil && below[r.LinkIndex] && r.LinkIndex != ppp.Attrs().Index {
			return true
		}
	}
	return false
}
