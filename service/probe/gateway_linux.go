package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// lookEvery is how often the neighbour table is read while an answer is awaited.
const lookEvery = 25 * time.Millisecond

// exits returns the best default route of the main table for each family,
// IPv4 first, by an interface that works and is no tunnel.
func exits(ours func(string) bool) ([]exit, error) {
	links, err := whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	below := map[int]string{}
	for _, l := range links {
		a := l.Attrs()
		if a.RawFlags&unix.IFF_UP != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0 &&
			a.RawFlags&unix.IFF_LOOPBACK == 0 && !isTunnel(l) && !ours(a.Name) {
			below[a.Index] = a.Name
		}
	}
	var out []exit
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family) })
		if err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		best, metric := exit{}, 0
		for _, r := range routes {
			if r.Type != unix.RTN_UNICAST || !isDefault(&r) {
				continue
			}
			for _, e := range ways(&r, below) {
				if best.index == 0 || r.Priority < metric {
					best, metric = e, r.Priority
				}
			}
		}
		if best.index != 0 {
			best.v6 = family == netlink.FAMILY_V6
			out = append(out, best)
		}
	}
	return out, nil
}

// whole repeats a listing that changed under the reading.
func whole[T any](list func() ([]T, error)) (out []T, err error) {
	for range 10 {
		out, err = list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return out, err
}

func isDefault(r *netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// ways returns the ways of a route by the interfaces in below.
func ways(r *netlink.Route, below map[int]string) []exit {
	hops := []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Via: r.Via}}
	if len(r.MultiPath) > 0 {
		hops = r.MultiPath
	}
	var out []exit
	for _, h := range hops {
		name, ok := below[h.LinkIndex]
		if !ok {
			continue
		}
		gw := h.Gw
		if via, ok := h.Via.(*netlink.Via); ok {
			gw = via.Addr
		}
		e := exit{index: h.LinkIndex, iface: name}
		if a, ok := netip.AddrFromSlice(gw); ok && !a.IsUnspecified() {
			e.gateway = a.Unmap()
			if e.gateway.Is6() && e.gateway.IsLinkLocalUnicast() {
				e.gateway = e.gateway.WithZone(name)
			}
		}
		out = append(out, e)
	}
	return out
}

// errNeverAsked says that the table was told of the router and nobody is asked.
var errNeverAsked = errors.New("the router's address is set by hand")

// neighbour has the system ask the router by ARP or ND, and returns whether it
// answered from then on. What the table knew before is no evidence: a router
// may be gone for half a minute and still stand as reachable there.
func (o *Outside) neighbour(ctx context.Context, e exit) (bool, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return false, fmt.Errorf("open netlink: %w", err)
	}
	defer h.Close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for prodded := false; ; {
		n, err := findNeighbour(h, e)
		if err != nil {
			return false, err
		}
		if prodded && n != nil && n.State&netlink.NUD_REACHABLE != 0 {
			return true, nil
		}
		if n != nil && n.State&(netlink.NUD_NOARP|netlink.NUD_PERMANENT) != 0 {
			return false, errNeverAsked
		}
		switch {
		case n == nil || n.State == netlink.NUD_NONE || n.State&netlink.NUD_FAILED != 0:
			// Where nothing is known, or was given up, use has it asked for.
			err = prod(h, e, netlink.NTF_USE, netlink.NUD_NONE)
		case n.State&(netlink.NUD_REACHABLE|netlink.NUD_STALE|netlink.NUD_DELAY) != 0:
			err = prod(h, e, 0, netlink.NUD_PROBE)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return false, fmt.Errorf("ask neighbour: %w", err)
		}
		prodded = prodded || err == nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, nil
		}
	}
}

// findNeighbour returns the router's entry in the neighbour table; nil: it has none.
func findNeighbour(h *netlink.Handle, e exit) (*netlink.Neigh, error) {
	family := netlink.FAMILY_V4
	if e.gateway.Is6() {
		family = netlink.FAMILY_V6
	}
	list, err := whole(func() ([]netlink.Neigh, error) { return h.NeighList(e.index, family) })
	if err != nil {
		return nil, fmt.Errorf("read neighbours: %w", err)
	}
	for _, n := range list {
		if a, ok := netip.AddrFromSlice(n.IP); ok && a.Unmap() == e.gateway.WithZone("") {
			return &n, nil
		}
	}
	return nil, nil
}

// prod has the system ask a neighbour: with NTF_USE one that it does not know,
// in state NUD_PROBE one that it knows. Nothing passes through a firewall for it.
func prod(h *netlink.Handle, e exit, flags, state int) error {
	how := unix.NLM_F_ACK
	if flags&netlink.NTF_USE != 0 {
		how |= unix.NLM_F_CREATE
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWNEIGH, how)
	family := uint8(unix.AF_INET)
	if e.gateway.Is6() {
		family = unix.AF_INET6
	}
	req.AddData(&netlink.Ndmsg{Family: family, Index: uint32(e.index), State: uint16(state), Flags: uint8(flags)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, e.gateway.AsSlice()))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
