package probe

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/windows"

	"holdfast/service/diagnose"
)

// Route returns the interface by which the system would send a datagram to the
// endpoint, without sending one. A tunnel is known by the type of its
// interface, PPP only where another interface has a default route too.
func (o *Outside) Route(to netip.AddrPort) diagnose.Route {
	out := diagnose.Route{Checked: true}
	addr := to.Addr().Unmap()
	var sa windows.Sockaddr = &windows.SockaddrInet6{Addr: addr.As16(), ZoneId: scopeOf(addr)}
	if addr.Is4() {
		sa = &windows.SockaddrInet4{Addr: addr.As4()}
	}
	var index uint32
	err := windows.GetBestInterfaceEx(sa, &index)
	switch {
	case errors.Is(err, windows.ERROR_NETWORK_UNREACHABLE), errors.Is(err, windows.ERROR_HOST_UNREACHABLE), errors.Is(err, windows.ERROR_NOT_FOUND):
		out.Err = "no route"
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		out.Err = "the system refuses to send"
	case err != nil:
		out.Err = words(err)
	}
	if err != nil {
		return out
	}
	known, err := adapters()
	if err != nil {
		out.Err = words(err)
		return out
	}
	a := known[index]
	out.Interface = a.name
	switch {
	case o.Ours(a.name):
		out.Err = "the way leads into the tunnel itself"
	case a.kind == windows.IF_TYPE_PPP:
		list, err := exits(o.Ours)
		out.Foreign = err == nil && len(list) > 0 && known[uint32(list[0].index)].kind != windows.IF_TYPE_PPP
	default:
		out.Foreign = a.isTunnel()
	}
	return out
}
