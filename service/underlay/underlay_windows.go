package underlay

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Reader reads the system's tables.
type Reader struct{}

// Open returns a Reader.
func Open() (*Reader, error) { return &Reader{}, nil }

// Close does nothing.
func (*Reader) Close() {}

// Read reads the system's tables.
func (*Reader) Read() (*Table, error) { return Read() }

// Read reads the interfaces, their addresses and the routes.
func Read() (*Table, error) {
	t := &Table{}
	metrics, err := t.readLinks()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	if err := t.readRoutes(metrics); err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	t.dropSourceless()
	return t, nil
}

// family names the metric of a link in one family.
type family struct {
	link int
	is4  bool
}

// readLinks takes in the interfaces and their addresses, and returns the metrics
// of the interfaces.
func (t *Table) readLinks() (map[family]uint32, error) {
	const first, most = 16 << 10, 1 << 20
	const flags = windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST
	for size := uint32(first); size <= most; {
		buf := make([]uint64, (size+7)/8) // 64 bits: for the alignment of what is in it
		list := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, flags, 0, list, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			size *= 2 // it may grow meanwhile
			continue
		}
		if errors.Is(err, windows.ERROR_NO_DATA) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		metrics := map[family]uint32{}
		for a := list; a != nil; a = a.Next {
			t.takeAdapter(a, metrics)
		}
		return metrics, nil
	}
	return nil, windows.ERROR_BUFFER_OVERFLOW
}

// takeAdapter takes in one interface, whose index may differ by family, and is 0
// in one that it does not have.
func (t *Table) takeAdapter(a *windows.IpAdapterAddresses, metrics map[family]uint32) {
	l := linkOf(a)
	if a.Ipv6IfIndex == 0 {
		a.Ipv6IfIndex = a.IfIndex
	}
	for _, index := range []uint32{a.IfIndex, a.Ipv6IfIndex} {
		if _, known := t.Link(int(index)); index != 0 && !known {
			l.Index = int(index)
			t.Links = append(t.Links, l)
		}
	}
	metrics[family{int(a.IfIndex), true}] = a.Ipv4Metric
	metrics[family{int(a.Ipv6IfIndex), false}] = a.Ipv6Metric
	for u := a.FirstUnicastAddress; u != nil; u = u.Next {
		addr := addrOf((*windows.RawSockaddrInet6)(unsafe.Pointer(u.Address.Sockaddr)))
		if !addr.IsValid() || u.DadState != windows.IpDadStatePreferred {
			continue
		}
		index := a.IfIndex
		if addr.Is6() {
			index = a.Ipv6IfIndex
		}
		t.Addrs = append(t.Addrs, Addr{
			Link: int(index), Net: netip.PrefixFrom(addr, int(u.OnLinkPrefixLength)),
			Temporary: addr.Is6() && u.SuffixOrigin == windows.IpSuffixOriginRandom,
		})
	}
	t.takeServers(a)
}

// takeServers takes in the name servers of one interface.
func (t *Table) takeServers(a *windows.IpAdapterAddresses) {
	for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
		addr := addrOf((*windows.RawSockaddrInet6)(unsafe.Pointer(s.Address.Sockaddr)))
		if !addr.IsValid() || addr.IsUnspecified() {
			continue
		}
		if addr.IsLinkLocalUnicast() && addr.Is6() {
			addr = addr.WithZone(strconv.Itoa(int(a.Ipv6IfIndex)))
		}
		t.Servers = append(t.Servers, Server{Link: int(cmp.Or(a.IfIndex, a.Ipv6IfIndex)), Addr: addr})
	}
}

// ifTypePropVirtual is the type of the interfaces of wintun and WireGuard.
const ifTypePropVirtual = 53

func linkOf(a *windows.IpAdapterAddresses) Link {
	return Link{
		Name:     windows.UTF16PtrToString(a.FriendlyName),
		Up:       a.OperStatus == windows.IfOperStatusUp,
		Loopback: a.IfType == windows.IF_TYPE_SOFTWARE_LOOPBACK,
		Tunnel:   a.IfType == ifTypePropVirtual || a.IfType == windows.IF_TYPE_TUNNEL,
		PPP:      a.IfType == windows.IF_TYPE_PPP,
		Inside:   a.IfType == ifTypePropVirtual || a.IfType == windows.IF_TYPE_TUNNEL || !isHardware(a.Luid),
	}
}

// isHardware says that an interface is one of a device, and not of a program, as
// that of a virtual switch is. What the system does not tell is taken for one.
func isHardware(luid uint64) bool {
	const hardwareInterface = 1 // of MIB_IF_ROW2.InterfaceAndOperStatusFlags
	row := windows.MibIfRow2{InterfaceLuid: luid}
	err := windows.GetIfEntry2Ex(windows.MibIfEntryNormalWithoutStatistics, &row)
	return err != nil || row.InterfaceAndOperStatusFlags&hardwareInterface != 0
}

// readRoutes takes in the routes. The system adds the metrics of a route and of
// its interface.
func (t *Table) readRoutes(metrics map[family]uint32) error {
	var table *windows.MibIpForwardTable2
	err := windows.GetIpForwardTable2(windows.AF_UNSPEC, &table)
	if errors.Is(err, windows.ERROR_NOT_FOUND) {
		return nil
	}
	if err != nil {
		return err
	}
	defer windows.FreeMibTable(unsafe.Pointer(table))
	for _, r := range table.Rows() {
		to := addrOf((*windows.RawSockaddrInet6)(unsafe.Pointer(&r.DestinationPrefix.Prefix)))
		if !to.IsValid() || r.Loopback != 0 {
			continue
		}
		link := int(r.InterfaceIndex)
		t.Routes = append(t.Routes, Route{
			To: netip.PrefixFrom(to, int(r.DestinationPrefix.PrefixLength)), Link: link,
			Gateway: gatewayOf(addrOf((*windows.RawSockaddrInet6)(unsafe.Pointer(&r.NextHop))), link),
			Metric:  sum(r.Metric, metrics[family{link, to.Is4()}]),
		})
	}
	return nil
}

// sum stays at the largest number rather than beginning at the least again.
func sum(a, b uint32) uint32 { return uint32(min(uint64(a)+uint64(b), math.MaxUint32)) }

// addrOf reads the address of a SOCKADDR_INET, without its zone. The zero Addr:
// it is of another family.
func addrOf(sa *windows.RawSockaddrInet6) netip.Addr {
	switch {
	case sa == nil:
		return netip.Addr{}
	case sa.Family == windows.AF_INET:
		return netip.AddrFrom4((*windows.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr)
	case sa.Family == windows.AF_INET6:
		return netip.AddrFrom16(sa.Addr)
	default:
		return netip.Addr{}
	}
}

func gatewayOf(a netip.Addr, link int) netip.Addr {
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return netip.Addr{}
	case a.Is6() && a.IsLinkLocalUnicast():
		return a.WithZone(strconv.Itoa(link))
	default:
		return a
	}
}
