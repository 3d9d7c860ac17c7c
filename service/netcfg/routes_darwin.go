package netcfg

import (
	"errors"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// The flags of the pure part are those of the system.
var _ = [1]int{}[(rtfUp^unix.RTF_UP)|(rtfGateway^unix.RTF_GATEWAY)|(rtfHost^unix.RTF_HOST)|(rtfReject^unix.RTF_REJECT)|
	(rtfLinkInfo^unix.RTF_LLINFO)|(rtfStatic^unix.RTF_STATIC)|(rtfBlackhole^unix.RTF_BLACKHOLE)|(rtfProto1^unix.RTF_PROTO1)|
	(rtfCloned^unix.RTF_WASCLONED)|(rtfLocal^unix.RTF_LOCAL)|(rtfBroadcast^unix.RTF_BROADCAST)|
	(rtfMulticast^unix.RTF_MULTICAST)|(rtfScoped^unix.RTF_IFSCOPE)]

// changeWay makes one change of the kernel's table. link is that of the tunnel;
// nil for a way that refuses. One of these gives way to another program's route
// to the same destination, and leaves what that leads out to the guard's rules.
func (t *darwinTables) changeWay(do verb, w *way, link *net.Interface) error {
	if do == toAdd {
		err := send(unix.RTM_ADD, w, link)
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	rows, err := readTable()
	if err != nil {
		return err
	}
	r := rowTo(rows, w.dst)
	if r == nil && do == toRemove {
		return nil
	}
	if r == nil {
		return send(unix.RTM_ADD, w, link)
	}
	through := link != nil && r.iface == link.Name && r.flags&rtfReject == 0
	switch is := r.refuses() && w.refuse || through && !w.refuse; {
	case is && do == toRemove:
		return unlessNone(send(unix.RTM_DELETE, w, link))
	case is && do == toSet && !w.refuse:
		return send(unix.RTM_CHANGE, w, link)
	case is, do == toRemove: // it is not ours, or was set to something else since
		return nil
	case !r.refuses() && !through && w.refuse:
		t.log.Warn("another program has a route where one is to refuse", "to", w.dst.String(), "by", r.iface)
		return nil
	case !r.refuses() && !through:
		return fmt.Errorf("%s has a route there: %w", r.iface, unix.EEXIST)
	}
	// That a route refuses is all of it that the kernel does not change.
	if err := unlessNone(send(unix.RTM_DELETE, w, link)); err != nil {
		return err
	}
	return send(unix.RTM_ADD, w, link)
}

// rowTo is the route to a destination that is for all sockets, or nil.
func rowTo(rows []row, dst netip.Prefix) *row {
	for i := range rows {
		if rows[i].dst == dst && rows[i].ordinary() {
			return &rows[i]
		}
	}
	return nil
}

func unlessNone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// send writes a message to the kernel, whose answer is the error of the write.
func send(kind int, w *way, link *net.Interface) error {
	m := messageOf(w)
	out := route.RouteMessage{
		Version: unix.RTM_VERSION, Type: kind, Flags: m.flags, Seq: 1, ID: uintptr(os.Getpid()),
		Addrs: make([]route.Addr, unix.RTAX_MAX),
	}
	out.Addrs[unix.RTAX_DST] = inet(m.dst.Addr())
	switch {
	case m.gateway.IsValid():
		out.Addrs[unix.RTAX_GATEWAY] = inet(m.gateway)
	case link != nil:
		out.Index = link.Index
		out.Addrs[unix.RTAX_GATEWAY] = &route.LinkAddr{Index: link.Index, Name: link.Name}
	}
	if m.flags&rtfHost == 0 {
		out.Addrs[unix.RTAX_NETMASK] = inet(maskOf(m.dst))
	}
	if m.from.IsValid() && kind != unix.RTM_DELETE {
		out.Addrs[unix.RTAX_IFA] = inet(m.from)
	}
	text, err := out.Marshal()
	if err != nil {
		return fmt.Errorf("write route message: %w", err)
	}
	return onSocket(unix.AF_ROUTE, unix.SOCK_RAW, func(fd int) error {
		_, err := unix.Write(fd, text)
		return err
	})
}

// inet is an address as a routing message has it.
func inet(a netip.Addr) route.Addr {
	if a.Is4() {
		return &route.Inet4Addr{IP: a.As4()}
	}
	return &route.Inet6Addr{IP: a.As16()}
}

// readTable returns the kernel's routes of IPv4 and IPv6.
func readTable() ([]row, error) {
	text, err := route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeRoute, 0)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	messages, err := route.ParseRIB(route.RIBTypeRoute, text)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	var out []row
	for _, m := range messages {
		r, ok := m.(*route.RouteMessage)
		if !ok {
			continue
		}
		if dst, ok := destination(r); ok {
			out = append(out, row{dst: dst, flags: r.Flags, iface: names[r.Index]})
		}
	}
	return out, nil
}

// destination is where a route leads to; not ok: it is of neither family.
func destination(r *route.RouteMessage) (netip.Prefix, bool) {
	if len(r.Addrs) <= unix.RTAX_NETMASK {
		return netip.Prefix{}, false
	}
	to, mask := address(r.Addrs[unix.RTAX_DST]), address(r.Addrs[unix.RTAX_NETMASK])
	switch {
	case !to.IsValid():
		return netip.Prefix{}, false
	case r.Flags&rtfHost != 0:
		return netip.PrefixFrom(to, to.BitLen()), true
	case !mask.IsValid():
		return netip.PrefixFrom(to, 0).Masked(), to.IsUnspecified()
	}
	ones := 0
	for _, b := range mask.AsSlice() {
		ones += bits.OnesCount8(b)
	}
	return netip.PrefixFrom(to, ones).Masked(), ones <= to.BitLen()
}

// address is one of a routing message; zero: it is of neither family.
func address(a route.Addr) netip.Addr {
	switch a := a.(type) {
	case *route.Inet4Addr:
		return netip.AddrFrom4(a.IP)
	case *route.Inet6Addr:
		return netip.AddrFrom16(a.IP)
	}
	return netip.Addr{}
}
