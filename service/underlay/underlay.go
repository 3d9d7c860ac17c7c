// Package underlay reads what the network below the tunnel looks like, and leads
// sockets of ours out by it: by a mark on Linux, where rules choose the route by
// marks, and elsewhere by binding each to the interface that leads to where it
// sends.
//
// It sends nothing and keeps nothing. What a Table says is decided without the
// system and is the same on each.
package underlay

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"
)

// ErrNoWay says that no interface but the tunnel's own leads to a place.
var ErrNoWay = errors.New("no interface below the tunnel leads there")

// Table is one reading of what the system knows of the network.
type Table struct {
	Links  []Link
	Routes []Route
	Addrs  []Addr
	// Servers are the name servers that links name, in the order of each link.
	// Read tells them on Windows only.
	Servers []Server
}

// Server is a name server of a link.
type Server struct {
	Link int
	Addr netip.Addr // with its zone where it is link-local
}

// Link is an interface.
type Link struct {
	Index int
	Name  string
	// Up says that it is set up, and that what it needs to carry packets is there.
	Up       bool
	Loopback bool
	// Tunnel says that by the decision of a program another link carries its
	// packets. PPP links are not counted: one may be the line itself.
	Tunnel bool
	PPP    bool
	// Inside says that it leads out of the machine at most by another link, and
	// stays up when the machine is offline.
	Inside bool
}

// Route is one way to a network: a route with several ways is several of them.
// Those that lead nowhere, and those to the machine itself, are left out.
type Route struct {
	To      netip.Prefix
	Link    int        // the index of the link
	Gateway netip.Addr // with its zone where it is link-local; zero: there is none
	Metric  uint32     // the least one is used
}

// Addr is an address to send from.
type Addr struct {
	Link int
	Net  netip.Prefix // the address, with the length of its network
	// Temporary says that the system replaces it by itself now and then.
	Temporary bool
}

// None says of no interface that it is ours.
func None(string) bool { return false }

// Link returns the link of an index. false: there is none.
func (t *Table) Link(index int) (Link, bool) {
	for _, l := range t.Links {
		if l.Index == index {
			return l, true
		}
	}
	return Link{}, false
}

// Named returns the link of a name. false: there is none.
func (t *Table) Named(name string) (Link, bool) {
	for _, l := range t.Links {
		if l.Name == name {
			return l, true
		}
	}
	return Link{}, false
}

// IsDefault says that a route leads to everywhere in its family.
func (r Route) IsDefault() bool { return r.To.Bits() == 0 }

// Exits returns the best default route for each family, IPv4 first, by a live
// link for which skip is false.
func (t *Table) Exits(skip func(Link) bool) []Route {
	var out []Route
	for _, to := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if r, ok := t.best(to, skip); ok {
			out = append(out, r)
		}
	}
	return out
}

// Toward returns the route to an address by a live link that is not ours, as the
// system would choose it if ours did not exist: the most exact one, and of those
// the first of the least metric. An address with a zone is reached by that link.
// The unspecified address has the default route. false: nothing leads there.
func (t *Table) Toward(to netip.Addr, ours func(name string) bool) (Route, bool) {
	to = to.Unmap()
	isOurs := func(l Link) bool { return ours(l.Name) }
	if to.Zone() == "" {
		return t.best(to, isOurs)
	}
	for _, l := range t.Links {
		if l.Name == to.Zone() || strconv.Itoa(l.Index) == to.Zone() {
			to = to.WithZone("")
			return Route{To: netip.PrefixFrom(to, to.BitLen()), Link: l.Index}, l.isLive() && !isOurs(l)
		}
	}
	return Route{}, false
}

// best returns the most exact route to an address by a live link for which skip
// is false, and of those the first of the least metric.
func (t *Table) best(to netip.Addr, skip func(Link) bool) (found Route, ok bool) {
	live := map[int]bool{}
	for _, l := range t.Links {
		live[l.Index] = l.isLive() && !skip(l)
	}
	for _, r := range t.Routes {
		if !live[r.Link] || !r.leadsTo(to) {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(found.To.Bits(), r.To.Bits()), cmp.Compare(r.Metric, found.Metric)) < 0 {
			found, ok = r, true
		}
	}
	return found, ok
}

// leadsTo says that a route is one to an address; to the unspecified one only
// the default route is.
func (r Route) leadsTo(to netip.Addr) bool {
	if to.IsUnspecified() {
		return r.IsDefault() && r.To.Addr().Is4() == to.Is4()
	}
	return r.To.Contains(to)
}

func (l Link) isLive() bool { return l.Up && !l.Loopback }

// dropSourceless takes away the routes of links that have no address of their
// family to send from: nothing could leave by them.
func (t *Table) dropSourceless() {
	type source struct {
		link int
		is4  bool
	}
	have := map[source]bool{}
	for _, a := range t.Addrs {
		if addr := a.Net.Addr(); addr.IsGlobalUnicast() {
			have[source{a.Link, addr.Is4()}] = true
		}
	}
	t.Routes = slices.DeleteFunc(t.Routes, func(r Route) bool { return !have[source{r.Link, r.To.Addr().Is4()}] })
}
