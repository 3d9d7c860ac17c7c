package netwatch

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// underlay is what can be known of the network below the tunnel without
// sending anything.
//
// It is usable with a default route in the main table, of IPv4 or IPv6, by a
// link that is up and has a carrier. Where there is no default route at all,
// as on a network whose servers are near, a link with a carrier and an address
// of more than link scope is enough, if it leads out of the machine: bridges,
// tunnels and what is joined to a bridge do not, and stay up without a network.
// A network that had a default route and lost it, with its addresses as they
// were, is not usable.
type underlay struct {
	usable bool
	// print is the fingerprint: the best default routes by link and gateway,
	// and the addresses of their links. Two underlays with the same one are
	// taken for the same.
	print string
	// routed says that there is a default route, addrs are the addresses of all
	// links that lead out.
	routed bool
	addrs  string
}

// tables is one reading of the kernel's tables.
type tables struct {
	links  []netlink.Link
	addrs  []netlink.Addr
	routes []netlink.Route
}

func readTables(h *netlink.Handle) (*tables, error) {
	var t tables
	for range 10 {
		var errs [4]error
		var v6 []netlink.Route
		t.links, errs[0] = h.LinkList()
		t.addrs, errs[1] = h.AddrList(nil, netlink.FAMILY_ALL)
		t.routes, errs[2] = h.RouteList(nil, netlink.FAMILY_V4)
		v6, errs[3] = h.RouteList(nil, netlink.FAMILY_V6)
		t.routes = append(t.routes, v6...)
		err := errors.Join(errs[:]...)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the network's state: %w", err)
		}
		return &t, nil
	}
	return nil, fmt.Errorf("read the network's state: %w", netlink.ErrDumpInterrupted)
}

// judge works out the underlay from the tables.
func judge(t *tables, ignore func(string) bool) underlay {
	live := map[int]netlink.Link{}
	for _, l := range t.links {
		a := l.Attrs()
		if a.RawFlags&unix.IFF_UP != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0 &&
			a.RawFlags&unix.IFF_LOOPBACK == 0 && !ignore(a.Name) {
			live[a.Index] = l
		}
	}
	hops := bestDefaults(t.routes, live)
	usable := len(hops) > 0
	used := map[int]bool{}
	var lines []string
	for _, h := range hops {
		used[h.link] = true
		lines = append(lines, h.line)
	}
	if !usable {
		for _, a := range t.addrs {
			if l := live[a.LinkIndex]; l != nil && leadsOut(l) && isSource(&a) {
				usable = true
				used[a.LinkIndex] = true
			}
		}
		lines = append(lines, detours(t.routes, used)...)
	}
	for _, a := range t.addrs {
		if used[a.LinkIndex] && isSource(&a) {
			lines = append(lines, fmt.Sprintf("address %d %v", a.LinkIndex, a.IPNet))
		}
	}
	slices.Sort(lines)
	return underlay{usable: usable, print: strings.Join(slices.Compact(lines), "\n"),
		routed: len(hops) > 0, addrs: outer(t.addrs, live)}
}

// outer writes down the addresses of the live links that lead out.
func outer(addrs []netlink.Addr, live map[int]netlink.Link) string {
	var lines []string
	for _, a := range addrs {
		if l := live[a.LinkIndex]; l != nil && leadsOut(l) && isSource(&a) {
			lines = append(lines, fmt.Sprintf("%d %v", a.LinkIndex, a.IPNet))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// hop is one way out.
type hop struct {
	link int
	line string
}

// bestDefaults returns the default routes by live links that have the lowest
// metric of their family. The others carry nothing, so their changes are none.
func bestDefaults(routes []netlink.Route, live map[int]netlink.Link) []hop {
	var out []hop
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		best := -1
		var hops []hop
		for _, r := range routes {
			if r.Family != family || !isDefault(&r) || r.Type != unix.RTN_UNICAST {
				continue
			}
			by := byLive(&r, live)
			if len(by) == 0 || best >= 0 && r.Priority > best {
				continue
			}
			if best < 0 || r.Priority < best {
				best, hops = r.Priority, nil
			}
			hops = append(hops, by...)
		}
		out = append(out, hops...)
	}
	return out
}

// byLive returns the ways of a route, which may have several, that are live.
func byLive(r *netlink.Route, live map[int]netlink.Link) []hop {
	type way struct {
		link int
		gw   net.IP
	}
	ways := []way{{r.LinkIndex, r.Gw}}
	if len(r.MultiPath) > 0 {
		ways = nil
		for _, n := range r.MultiPath {
			ways = append(ways, way{n.LinkIndex, n.Gw})
		}
	}
	var out []hop
	for _, w := range ways {
		if live[w.link] != nil {
			out = append(out, hop{w.link, fmt.Sprintf("default %d via %v", w.link, w.gw)})
		}
	}
	return out
}

// detours describes the routes to farther networks by the links that are used.
func detours(routes []netlink.Route, used map[int]bool) []string {
	var out []string
	for _, r := range routes {
		if used[r.LinkIndex] && r.Gw != nil && !isDefault(&r) {
			out = append(out, fmt.Sprintf("route %v %d via %v", r.Dst, r.LinkIndex, r.Gw))
		}
	}
	return out
}

func isDefault(r *netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// isSource says that an address is one to send from for long: not a temporary
// one that comes and goes by itself, nor one that is still being checked.
func isSource(a *netlink.Addr) bool {
	const passing = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_DEPRECATED
	if a.Flags&passing != 0 || a.IP.To4() == nil && a.Flags&unix.IFA_F_TEMPORARY != 0 {
		return false
	}
	return a.IP.IsGlobalUnicast()
}

// inside are the kinds of links that stay up when the machine is offline.
var inside = []string{"bridge", "dummy", "tuntap", "tun", "wireguard", "vxlan", "geneve", "ifb", "vrf", "ipip", "sit", "gre", "ip6tnl", "nlmon"}

func leadsOut(l netlink.Link) bool {
	return l.Attrs().MasterIndex == 0 && !slices.Contains(inside, l.Type())
}
