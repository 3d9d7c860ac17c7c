package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// exits returns the best default route for each family, IPv4 first, by an
// interface that is no tunnel. While a tunnel has the default route, the one
// below it stands with its interface as its scope.
func exits(ours func(string) bool) ([]exit, error) {
	rib, err := route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeRoute, 0)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	messages, err := route.ParseRIB(route.RIBTypeRoute, rib)
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	type candidate struct {
		exit
		rank int
	}
	var best [2]candidate // IPv4 and IPv6
	for _, m := range messages {
		r, ok := m.(*route.RouteMessage)
		if !ok || r.Flags&unix.RTF_UP == 0 || len(r.Addrs) <= unix.RTAX_NETMASK {
			continue
		}
		family, ok := defaultFamily(r)
		if !ok {
			continue
		}
		iface, err := net.InterfaceByIndex(r.Index)
		if err != nil || iface.Flags&net.FlagUp == 0 || isTunnelName(iface.Name) || ours(iface.Name) {
			continue
		}
		rank := 3
		if r.Flags&unix.RTF_IFSCOPE != 0 {
			rank = 2
		}
		if isPPPName(iface.Name) {
			rank = 1
		}
		if rank > best[family].rank {
			e := exit{index: r.Index, iface: iface.Name, gateway: routerOf(r, iface.Name), v6: family == 1}
			best[family] = candidate{e, rank}
		}
	}
	var out []exit
	for _, c := range best {
		if c.rank > 0 {
			out = append(out, c.exit)
		}
	}
	return out, nil
}

// defaultFamily returns 0 for a default route of IPv4 and 1 for one of IPv6.
func defaultFamily(r *route.RouteMessage) (int, bool) {
	switch to := r.Addrs[unix.RTAX_DST].(type) {
	case *route.Inet4Addr:
		mask, ok := r.Addrs[unix.RTAX_NETMASK].(*route.Inet4Addr)
		return 0, to.IP == [4]byte{} && (!ok || mask.IP == [4]byte{})
	case *route.Inet6Addr:
		mask, ok := r.Addrs[unix.RTAX_NETMASK].(*route.Inet6Addr)
		return 1, to.IP == [16]byte{} && (!ok || mask.IP == [16]byte{})
	default:
		return 0, false
	}
}

func routerOf(r *route.RouteMessage, iface string) netip.Addr {
	switch gw := r.Addrs[unix.RTAX_GATEWAY].(type) {
	case *route.Inet4Addr:
		return netip.AddrFrom4(gw.IP)
	case *route.Inet6Addr:
		a := netip.AddrFrom16(gw.IP)
		if a.IsLinkLocalUnicast() {
			a = a.WithZone(iface)
		}
		return a
	default:
		return netip.Addr{}
	}
}

// isTunnelName goes by the names that this system gives to the kinds of its
// interfaces.
func isTunnelName(name string) bool {
	for _, kind := range []string{"utun", "ipsec", "tun", "tap", "feth"} {
		if strings.HasPrefix(name, kind) {
			return true
		}
	}
	return false
}

func isPPPName(name string) bool { return strings.HasPrefix(name, "ppp") }

// bindTo has a socket send by one interface.
func bindTo(fd uintptr, index int, v6 bool) error {
	if v6 {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF, index)
	}
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BOUND_IF, index)
}

// errEchoOnly says that silence of the router is no proof here.
var errEchoOnly = errors.New("the router does not answer echoes")

// neighbour fails: an entry of this system's neighbour table stands for up to
// 20 minutes, and nobody can have it asked for anew.
func (o *Outside) neighbour(context.Context, exit) (bool, error) { return false, errEchoOnly }
