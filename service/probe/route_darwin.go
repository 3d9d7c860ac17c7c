package probe

import (
	"errors"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/service/diagnose"
)

// Route returns the interface by which the system would send a datagram to the
// endpoint, without sending one: it is the one that has the address from which
// a socket would send. A tunnel is known by the name of its kind, PPP only
// where another interface has a default route too.
func (o *Outside) Route(to netip.AddrPort) diagnose.Route {
	out := diagnose.Route{Checked: true}
	c, err := net.Dial("udp", hostPort(to))
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EADDRNOTAVAIL):
		out.Err = "no route"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		out.Err = "the system refuses to send"
	case err != nil:
		out.Err = words(err)
	}
	if err != nil {
		return out
	}
	defer func() { _ = c.Close() }()
	from, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		out.Err = "the system names no address to send from"
		return out
	}
	out.Interface, err = interfaceOf(from.AddrPort().Addr().Unmap().WithZone(""))
	switch {
	case err != nil:
		out.Err = words(err)
	case o.Ours(out.Interface):
		out.Err = "the way leads into the tunnel itself"
	case isPPPName(out.Interface):
		list, err := exits(o.Ours)
		out.Foreign = err == nil && len(list) > 0 && !isPPPName(list[0].iface)
	default:
		out.Foreign = isTunnelName(out.Interface)
	}
	return out
}

var errNoInterface = errors.New("no interface has the address to send from")

// interfaceOf returns the interface that has an address.
func interfaceOf(a netip.Addr) (string, error) {
	list, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range list {
		addrs, err := i.Addrs()
		if err != nil {
			return "", err
		}
		for _, have := range addrs {
			if n, ok := have.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == a {
					return i.Name, nil
				}
			}
		}
	}
	return "", errNoInterface
}
