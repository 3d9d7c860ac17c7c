package underlay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tries is how often tables are read that change while they are read.
const tries = 10

// Reader reads the tables of one network namespace.
type Reader struct {
	handle *netlink.Handle
}

// Open returns a Reader for the network namespace of the calling thread. It must
// be closed.
func Open() (*Reader, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &Reader{handle: h}, nil
}

// Close ends the use of the Reader.
func (r *Reader) Close() { r.handle.Close() }

// Read reads the tables of the network namespace of the calling thread.
func Read() (*Table, error) {
	r, err := Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Read()
}

// Read reads the interfaces, their addresses, and the main routing table.
func (r *Reader) Read() (*Table, error) {
	var err error
	for range tries {
		var t *Table
		if t, err = r.readOnce(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return t, err
		}
	}
	return nil, err
}

func (r *Reader) readOnce() (*Table, error) {
	links, errLinks := r.handle.LinkList()
	addrs, errAddrs := r.handle.AddrList(nil, netlink.FAMILY_ALL)
	v4, errV4 := r.handle.RouteList(nil, netlink.FAMILY_V4)
	v6, errV6 := r.handle.RouteList(nil, netlink.FAMILY_V6)
	if err := errors.Join(errLinks, errAddrs, errV4, errV6); err != nil {
		return nil, fmt.Errorf("read the network's state: %w", err)
	}
	t := &Table{}
	names := map[int]string{}
	for _, l := range links {
		is := linkOf(l)
		t.Links = append(t.Links, is)
		names[is.Index] = is.Name
	}
	for _, a := range addrs {
		if is, ok := addrOf(a); ok {
			t.Addrs = append(t.Addrs, is)
		}
	}
	for _, r := range append(v4, v6...) {
		t.Routes = append(t.Routes, routesOf(r, names)...)
	}
	return t, nil
}

var (
	// inside are the kinds of links that stay up when the machine is offline.
	inside = []string{"bridge", "dummy", "tuntap", "tun", "wireguard", "vxlan", "geneve", "ifb", "vrf", "ipip", "sit", "gre", "ip6tnl", "nlmon"}
	// tunnels are those of which another one carries the packets, by the decision
	// of a program.
	tunnels = []string{"tun", "tuntap", "wireguard", "xfrm", "vti", "vti6", "ovpn", "amneziawg"}
)

func linkOf(l netlink.Link) Link {
	a := l.Attrs()
	const works = unix.IFF_UP | unix.IFF_LOWER_UP
	return Link{
		Index: a.Index, Name: a.Name,
		Up:       a.RawFlags&works == works,
		Loopback: a.RawFlags&unix.IFF_LOOPBACK != 0,
		// By the translator clat IPv4 gets out of a network that has only IPv6.
		Tunnel: slices.Contains(tunnels, l.Type()) && !strings.HasPrefix(a.Name, "clat"),
		PPP:    l.Type() == "ppp" || a.EncapType == "ppp",
		Inside: a.MasterIndex != 0 || slices.Contains(inside, l.Type()),
	}
}

// addrOf leaves out what is still being checked, and what is not to be used any more.
func addrOf(a netlink.Addr) (Addr, bool) {
	const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_DEPRECATED
	n, ok := prefixOf(a.IPNet)
	return Addr{Link: a.LinkIndex, Net: n, Temporary: n.Addr().Is6() && a.Flags&unix.IFA_F_TEMPORARY != 0},
		ok && a.Flags&unusable == 0
}

// routesOf returns the ways of a route, which may have several.
func routesOf(r netlink.Route, names map[int]string) []Route {
	if r.Type != unix.RTN_UNICAST {
		return nil
	}
	to, ok := prefixOf(r.Dst)
	if !ok {
		to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if r.Family == netlink.FAMILY_V6 {
			to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
	hops := r.MultiPath
	if len(hops) == 0 {
		hops = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Via: r.Via}}
	}
	var out []Route
	for _, h := range hops {
		gw := h.Gw
		if via, ok := h.Via.(*netlink.Via); ok {
			gw = via.Addr
		}
		out = append(out, Route{To: to, Link: h.LinkIndex, Gateway: gatewayOf(gw, names[h.LinkIndex]), Metric: uint32(r.Priority)})
	}
	return out
}

func gatewayOf(gw net.IP, link string) netip.Addr {
	a, ok := netip.AddrFromSlice(gw)
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	if a = a.Unmap(); a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(link)
	}
	return a
}

// prefixOf returns false for nil.
func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), ones), ok
}
