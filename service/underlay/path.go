package underlay

import "net/netip"

// Path is how a socket of ours would send to a place.
type Path struct {
	Link    int
	Gateway netip.Addr // zero: there is none
	From    netip.Addr // the address it would be sent from; zero: not known
}

// path is the path that a table has to a place.
func (t *Table) path(to netip.Addr, ours func(name string) bool) (Path, bool) {
	r, ok := t.Toward(to, ours)
	if !ok {
		return Path{}, false
	}
	p := Path{Link: r.Link, Gateway: r.Gateway}
	for _, a := range t.Addrs {
		from := a.Net.Addr()
		if a.Link == r.Link && !a.Temporary && from.Is4() == to.Unmap().Is4() && from.IsGlobalUnicast() {
			p.From = from
			break
		}
	}
	return p, true
}
