package underlay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// Metrics: this system has none and keeps several routes to the same network
// apart by their scope. One without a scope is used by everybody; one with a scope
// is used by sockets that are bound to its link, and is the way out that remains
// while a tunnel has the other. A PPP link comes last, since it may be a tunnel
// inside one of the others.
const (
	metricPlain  = 0
	metricScoped = 1
	metricPPP    = 2
)

// Reader reads the system's tables.
type Reader struct{}

// Open returns a Reader.
func Open() (*Reader, error) { return &Reader{}, nil }

// Close does nothing.
func (*Reader) Close() {}

// Read reads the system's tables.
func (*Reader) Read() (*Table, error) { return Read() }

// Read reads the interfaces, their addresses and the routes.
func Read() (*Table, error) {
	t := &Table{}
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range list {
		t.Links = append(t.Links, linkOf(i))
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		t.Addrs = append(t.Addrs, addrsOf(i.Index, addrs)...)
	}
	rib, err := route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeRoute, 0)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	messages, err := route.ParseRIB(route.RIBTypeRoute, rib)
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	for _, m := range messages {
		if m, ok := m.(*route.RouteMessage); ok {
			if r, ok := t.routeOf(m); ok {
				t.Routes = append(t.Routes, r)
			}
		}
	}
	t.dropSourceless()
	return t, nil
}

var (
	// tunnels and inside are how the names of such links begin here.
	tunnels = []string{"utun", "ipsec", "tun", "tap", "feth"}
	inside  = append([]string{"bridge", "awdl", "llw", "anpi", "ap", "gif", "stf", "vmnet", "vmenet"}, tunnels...)
)

func linkOf(i net.Interface) Link {
	const works = net.FlagUp | net.FlagRunning
	return Link{
		Index: i.Index, Name: i.Name,
		Up:       i.Flags&works == works,
		Loopback: i.Flags&net.FlagLoopback != 0,
		Tunnel:   beginsWith(i.Name, tunnels),
		PPP:      strings.HasPrefix(i.Name, "ppp"),
		Inside:   beginsWith(i.Name, inside),
	}
}

func beginsWith(name string, kinds []string) bool {
	return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(name, kind) })
}

// addrsOf returns the addresses of a link. Which of IPv6 are temporary is not
// told; they differ from the lasting ones in their second half only, so of each
// network one stands for all.
func addrsOf(link int, list []net.Addr) []Addr {
	var out []Addr
	for _, a := range list {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		ones, _ := n.Mask.Size()
		p := netip.PrefixFrom(ip.Unmap(), ones)
		if p.Addr().Is6() {
			p = netip.PrefixFrom(p.Masked().Addr().Next(), ones)
		}
		if is := (Addr{Link: link, Net: p}); !slices.Contains(out, is) {
			out = append(out, is)
		}
	}
	return out
}

// routeOf returns false for what is no way out: routes that refuse, those that the
// system made of others for single addresses, those of link-local networks, and
// those that keep a tunnel's own packets in it.
func (t *Table) routeOf(m *route.RouteMessage) (Route, bool) {
	const isNone = unix.RTF_REJECT | unix.RTF_BLACKHOLE | unix.RTF_LLINFO | unix.RTF_WASCLONED |
		unix.RTF_LOCAL | unix.RTF_BROADCAST | unix.RTF_MULTICAST
	if m.Flags&unix.RTF_UP == 0 || m.Flags&isNone != 0 || len(m.Addrs) <= unix.RTAX_NETMASK {
		return Route{}, false
	}
	to, ok := networkOf(m)
	link, known := t.Link(m.Index)
	if !ok || !known || to.Addr().IsLinkLocalUnicast() {
		return Route{}, false
	}
	r := Route{To: to, Link: m.Index, Gateway: gatewayOf(m, link.Name), Metric: metricPlain}
	switch {
	case link.PPP:
		r.Metric = metricPPP
	case m.Flags&unix.RTF_IFSCOPE != 0:
		r.Metric = metricScoped
		if link.Tunnel {
			return Route{}, false
		}
	}
	return r, true
}

// networkOf returns where a route leads.
func networkOf(m *route.RouteMessage) (netip.Prefix, bool) {
	var to netip.Addr
	ones := 0
	switch dst := m.Addrs[unix.RTAX_DST].(type) {
	case *route.Inet4Addr:
		to = netip.AddrFrom4(dst.IP)
		if mask, ok := m.Addrs[unix.RTAX_NETMASK].(*route.Inet4Addr); ok {
			ones, _ = net.IPMask(mask.IP[:]).Size()
		}
	case *route.Inet6Addr:
		to = netip.AddrFrom16(dst.IP)
		if mask, ok := m.Addrs[unix.RTAX_NETMASK].(*route.Inet6Addr); ok {
			ones, _ = net.IPMask(mask.IP[:]).Size()
		}
	default:
		return netip.Prefix{}, false
	}
	if m.Flags&unix.RTF_HOST != 0 {
		ones = to.BitLen()
	}
	// Without a mask only the default route is a network.
	return netip.PrefixFrom(to, ones), ones > 0 || to.IsUnspecified()
}

func gatewayOf(m *route.RouteMessage, link string) netip.Addr {
	switch gw := m.Addrs[unix.RTAX_GATEWAY].(type) {
	case *route.Inet4Addr:
		return netip.AddrFrom4(gw.IP)
	case *route.Inet6Addr:
		a := netip.AddrFrom16(gw.IP)
		if a.IsLinkLocalUnicast() {
			a = a.WithZone(link)
		}
		return a
	default:
		return netip.Addr{}
	}
}
