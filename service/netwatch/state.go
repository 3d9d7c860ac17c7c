package netwatch

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/service/underlay"
)

// state is what can be known of the network below the tunnel without sending
// anything.
//
// It is usable with a default route in the main table, of IPv4 or IPv6, by a
// link that is up and has a carrier. Where there is no default route at all,
// as on a network whose servers are near, a link with a carrier and an address
// of more than link scope is enough, if it leads out of the machine: bridges,
// tunnels and what is joined to a bridge do not, and stay up without a network.
// A network that had a default route and lost it, with its addresses as they
// were, is not usable.
type state struct {
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

// judge works out the state from the tables.
func judge(t *underlay.Table, ignore func(string) bool) state {
	live := map[int]underlay.Link{}
	for _, l := range t.Links {
		if l.Up && !l.Loopback && !ignore(l.Name) {
			live[l.Index] = l
		}
	}
	hops := bestDefaults(t.Routes, live)
	usable := len(hops) > 0
	used := map[int]bool{}
	var lines []string
	for _, h := range hops {
		used[h.Link] = true
		lines = append(lines, fmt.Sprintf("default %d via %v", h.Link, h.Gateway))
	}
	if !usable {
		for _, a := range t.Addrs {
			if l, ok := live[a.Link]; ok && !l.Inside && isSource(a) {
				usable = true
				used[a.Link] = true
			}
		}
		lines = append(lines, detours(t.Routes, used)...)
	}
	for _, a := range t.Addrs {
		if used[a.Link] && isSource(a) {
			lines = append(lines, fmt.Sprintf("address %d %v", a.Link, a.Net))
		}
	}
	slices.Sort(lines)
	return state{usable: usable, print: strings.Join(slices.Compact(lines), "\n"),
		routed: len(hops) > 0, addrs: outer(t.Addrs, live)}
}

// outer writes down the addresses of the live links that lead out.
func outer(addrs []underlay.Addr, live map[int]underlay.Link) string {
	var lines []string
	for _, a := range addrs {
		if l, ok := live[a.Link]; ok && !l.Inside && isSource(a) {
			lines = append(lines, fmt.Sprintf("%d %v", a.Link, a.Net))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// bestDefaults returns the default routes by live links that have the lowest
// metric of their family. The others carry nothing, so their changes are none.
func bestDefaults(routes []underlay.Route, live map[int]underlay.Link) []underlay.Route {
	var out []underlay.Route
	for _, is4 := range []bool{true, false} {
		var best []underlay.Route
		for _, r := range routes {
			if _, ok := live[r.Link]; !ok || !r.IsDefault() || r.To.Addr().Is4() != is4 {
				continue
			}
			if len(best) > 0 && r.Metric > best[0].Metric {
				continue
			}
			if len(best) > 0 && r.Metric < best[0].Metric {
				best = nil
			}
			best = append(best, r)
		}
		out = append(out, best...)
	}
	return out
}

// detours describes the routes to farther networks by the links that are used.
func detours(routes []underlay.Route, used map[int]bool) []string {
	var out []string
	for _, r := range routes {
		if used[r.Link] && r.Gateway.IsValid() && !r.IsDefault() {
			out = append(out, fmt.Sprintf("route %v %d via %v", r.To, r.Link, r.Gateway))
		}
	}
	return out
}

// isSource says that an address is one to send from for long: not a temporary
// one that comes and goes by itself.
func isSource(a underlay.Addr) bool { return !a.Temporary && a.Net.Addr().IsGlobalUnicast() }
