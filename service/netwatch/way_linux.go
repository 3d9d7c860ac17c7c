package netwatch

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// way is how the system would send to the tunnel's server: by which link, which
// gateway, from which address. The zero value is not known.
type way struct {
	to   netip.Addr
	line string
}

// known says that there is a server, and a way there.
func (w way) known() bool { return w.line != "" }

// wayToServer asks the system.
func (l *loop) wayToServer() way {
	to := l.Toward()
	if !to.IsValid() {
		return way{}
	}
	routes, err := l.handle.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{Mark: l.Mark})
	if err != nil || len(routes) == 0 {
		return way{to: to}
	}
	r := routes[0]
	return way{to, fmt.Sprintf("%d via %v from %v", r.LinkIndex, r.Gw, r.Src)}
}

// isOther says whether the underlay is another one than the last usable one.
// Where the server stayed the same, what counts is the way there.
func (l *loop) isOther(u underlay, now way) bool {
	if now.known() && l.lastWay.known() && now.to == l.lastWay.to {
		return now != l.lastWay
	}
	return l.last != "" && l.last != u.print
}
