package probe

import (
	"holdfast/service/diagnose"
	"holdfast/service/underlay"
)

// describe says what the link is by which a datagram would be sent.
//
// A tunnel is known by the kind of its interface: tun, tap, WireGuard, IPsec,
// and PPP where another interface leads to a router too, for without one it is
// the line itself.
func (o *Outside) describe(out *diagnose.Route, t *underlay.Table, index int) {
	link, _ := t.Link(index)
	out.Interface = link.Name
	switch {
	case o.Ours(link.Name):
		out.Err = "the way leads into the tunnel itself"
	case link.PPP:
		out.Foreign = leadsElsewhere(t, link)
	default:
		out.Foreign = link.Tunnel
	}
}

// leadsElsewhere says that another interface than a PPP one leads to a router:
// then the PPP one may be a tunnel inside it.
func leadsElsewhere(t *underlay.Table, ppp underlay.Link) bool {
	for _, r := range t.Routes {
		l, ok := t.Link(r.Link)
		if ok && r.Gateway.IsValid() && !l.Tunnel && !l.PPP && l.Index != ppp.Index {
			return true
		}
	}
	return false
}
