package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// adapter is what is known of an interface.
type adapter struct {
	name   string
	kind   uint32 // IF_TYPE_…
	up     bool
	metric [2]uint32 // IPv4, IPv6
}

// adapters lists the interfaces by their indexes.
func adapters() (map[uint32]adapter, error) {
	const first, most = 16 << 10, 1 << 20
	for size := uint32(first); size <= most; {
		buf := make([]uint64, (size+7)/8) // 64 bits: for the alignment of what is in it
		list := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, 0, 0, list, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			size *= 2
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list interfaces: %w", err)
		}
		out := map[uint32]adapter{}
		for a := list; a != nil; a = a.Next {
			is := adapter{
				name: windows.UTF16PtrToString(a.FriendlyName), kind: a.IfType,
				up: a.OperStatus == windows.IfOperStatusUp, metric: [2]uint32{a.Ipv4Metric, a.Ipv6Metric},
			}
			for _, index := range []uint32{a.IfIndex, a.Ipv6IfIndex} {
				if index != 0 {
					out[index] = is
				}
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("list interfaces: %w", windows.ERROR_BUFFER_OVERFLOW)
}

// ifTypePropVirtual is the type of the interfaces of WireGuard.
const ifTypePropVirtual = 53

func (a adapter) isTunnel() bool {
	return a.kind == ifTypePropVirtual || a.kind == windows.IF_TYPE_TUNNEL
}

// exits returns the best default route for each family, IPv4 first, by an
// interface that works and is no tunnel. The system adds the metrics of a route
// and of its interface.
func exits(ours func(string) bool) ([]exit, error) {
	known, err := adapters()
	if err != nil {
		return nil, err
	}
	var table *windows.MibIpForwardTable2
	if err := windows.GetIpForwardTable2(windows.AF_UNSPEC, &table); err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	defer windows.FreeMibTable(unsafe.Pointer(table))
	var best [2]exit
	var metric [2]uint32
	for _, r := range table.Rows() {
		a, ok := known[r.InterfaceIndex]
		if r.DestinationPrefix.PrefixLength != 0 || !ok || !a.up || a.isTunnel() || ours(a.name) || a.kind == windows.IF_TYPE_SOFTWARE_LOOPBACK {
			continue
		}
		family := 0
		if r.DestinationPrefix.Prefix.Family == windows.AF_INET6 {
			family = 1
		}
		m := r.Metric + a.metric[family]
		if best[family].index != 0 && m >= metric[family] {
			continue
		}
		metric[family] = m
		best[family] = exit{index: int(r.InterfaceIndex), iface: a.name, gateway: nextHop(&r), v6: family == 1}
	}
	return slices.DeleteFunc(best[:], func(e exit) bool { return e.index == 0 }), nil
}

func nextHop(r *windows.MibIpForwardRow2) netip.Addr {
	var a netip.Addr
	switch r.NextHop.Family {
	case windows.AF_INET:
		a = netip.AddrFrom4((*windows.RawSockaddrInet4)(unsafe.Pointer(&r.NextHop)).Addr)
	case windows.AF_INET6:
		a = netip.AddrFrom16((*windows.RawSockaddrInet6)(unsafe.Pointer(&r.NextHop)).Addr)
	}
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return netip.Addr{}
	case a.Is6() && a.IsLinkLocalUnicast():
		return a.WithZone(fmt.Sprint(r.InterfaceIndex))
	default:
		return a
	}
}

// bindTo has a socket send by one interface. IPv4 takes its index in the byte
// order of the network.
func bindTo(fd uintptr, index int, v6 bool) error {
	const unicastIF = 31 // IP_UNICAST_IF and IPV6_UNICAST_IF
	if v6 {
		return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IPV6, unicastIF, index)
	}
	var turned [4]byte
	binary.BigEndian.PutUint32(turned[:], uint32(index))
	return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, unicastIF, int(int32(binary.NativeEndian.Uint32(turned[:]))))
}

var (
	iphlpapi           = windows.NewLazySystemDLL("iphlpapi.dll")
	resolveIPNetEntry2 = iphlpapi.NewProc("ResolveIpNetEntry2")
)

// ipNetRow2 is MIB_IPNET_ROW2.
type ipNetRow2 struct {
	address        windows.RawSockaddrInet6 // SOCKADDR_INET
	interfaceIndex uint32
	interfaceLUID  uint64
	physical       [32]byte
	physicalLength uint32
	state          uint32
	flags          uint32
	reachability   uint32
}

// neighbour has the system ask the router by ARP or ND, and returns whether it
// answered. The system takes up to 3 s for it and cannot be interrupted.
func (o *Outside) neighbour(ctx context.Context, e exit) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	row := ipNetRow2{interfaceIndex: uint32(e.index)}
	putSockaddr(&row.address, e.gateway)
	code, _, _ := resolveIPNetEntry2.Call(uintptr(unsafe.Pointer(&row)), 0)
	switch err := windows.Errno(code); {
	case code == 0:
		return true, nil
	case errors.Is(err, windows.ERROR_BAD_NET_NAME), errors.Is(err, windows.ERROR_NOT_FOUND):
		return false, nil
	default:
		return false, fmt.Errorf("ask neighbour: %w", err)
	}
}

// putSockaddr writes an address as a SOCKADDR_INET, whose longest form sa is.
func putSockaddr(sa *windows.RawSockaddrInet6, a netip.Addr) {
	if a.Is4() {
		*(*windows.RawSockaddrInet4)(unsafe.Pointer(sa)) = windows.RawSockaddrInet4{Family: windows.AF_INET, Addr: a.As4()}
		return
	}
	*sa = windows.RawSockaddrInet6{Family: windows.AF_INET6, Addr: a.As16(), Scope_id: scopeOf(a)}
}
