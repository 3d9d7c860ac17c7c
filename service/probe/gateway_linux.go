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
