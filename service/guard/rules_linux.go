package guard

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

// The sets. The first ones vary; what is in the last ones is fixed.
const (
	setPaused = "paused" // protocols that may all pass for now
	setPass4  = "pass4"  // address, protocol and port of what our own may send to
	setPass6  = "pass6"
	setPing4  = "ping4" // addresses that our own may ping
	setPing6  = "ping6"
	setOwn4   = "own4" // the tunnel's addresses here
	setOwn6   = "own6"
	setShut   = "shut"   // protocols of which everything is kept in
	setCarry4 = "carry4" // destinations that are kept in else
	setCarry6 = "carry6"
	setLAN    = "lan"   // protocols whose private ranges are excepted from that
	setDHCP4  = "dhcp4" // where a DHCP server may be
	setDHCP6  = "dhcp6"
	setNDP    = "ndp"  // types of neighbour discovery
	setDNS    = "dns"  // protocol and port of DNS
	setLAN4   = "lan4" // the private ranges
	setLAN6   = "lan6"
)

// Numbers by which nft(8) knows the types of keys.
const (
	typeNFProto = 2
	typeIPv4    = 7
	typeIPv6    = 8
	typeL4Proto = 12
	typeService = 13
	typeICMPv6  = 29
	typeBits    = 6 // a key of several types has their numbers behind one another
)

// tables are the tables that enforce it, with these flags. None for a set that
// is open.
func (m *meant) tables(rules *ruleset, flags uint32) []table {
	if !m.set.Shut() {
		return nil
	}
	own4, _ := m.own()
	return []table{
		{family: unix.NFPROTO_INET, flags: flags, sets: append(m.inetSets(), fixedSets...), chains: rules.inet},
		{family: unix.NFPROTO_ARP, flags: flags, sets: []set{
			m.pausedSet([]byte{unix.NFPROTO_ARP}),
			{name: setOwn4, key: typeIPv4, size: 4, elements: own4},
		}, chains: rules.arp},
	}
}

func (m *meant) inetSets() []set {
	const (
		dst4 = (typeIPv4<<typeBits|typeL4Proto)<<typeBits | typeService
		dst6 = (typeIPv6<<typeBits|typeL4Proto)<<typeBits | typeService
	)
	all, carry4, carry6 := m.carry()
	var lan []byte
	if m.set.LAN {
		lan = inetProtocols
	}
	own4, own6 := m.own()
	return []set{
		m.pausedSet(inetProtocols),
		{name: setPass4, key: dst4, size: 12, limit: MaxPermits, elements: m.permitted(setPass4)},
		{name: setPass6, key: dst6, size: 24, limit: MaxPermits, elements: m.permitted(setPass6)},
		{name: setPing4, key: typeIPv4, size: 4, limit: MaxPermits, elements: m.permitted(setPing4)},
		{name: setPing6, key: typeIPv6, size: 16, limit: MaxPermits, elements: m.permitted(setPing6)},
		{name: setOwn4, key: typeIPv4, size: 4, elements: own4},
		{name: setOwn6, key: typeIPv6, size: 16, elements: own6},
		{name: setShut, key: typeNFProto, size: 1, elements: keys(all...)},
		{name: setCarry4, key: typeIPv4, size: 4, flags: unix.NFT_SET_INTERVAL, elements: ranges(carry4)},
		{name: setCarry6, key: typeIPv6, size: 16, flags: unix.NFT_SET_INTERVAL, elements: ranges(carry6)},
		{name: setLAN, key: typeNFProto, size: 1, elements: keys(lan...)},
	}
}

// fixedSets are the sets whose contents never change.
var fixedSets = func() []set {
	dns := map[element]time.Duration{}
	for _, p := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
		for _, port := range dnsPorts {
			dns[element{key: protoPort(p, port)}] = 0
		}
	}
	return []set{
		{name: setDHCP4, key: typeIPv4, size: 4, flags: unix.NFT_SET_INTERVAL, elements: ranges(dhcpServers4)},
		{name: setDHCP6, key: typeIPv6, size: 16, flags: unix.NFT_SET_INTERVAL, elements: ranges(dhcpServers6)},
		{name: setNDP, key: typeICMPv6, size: 1, elements: keys(icmpv6RouterSolicit, icmpv6NeighborAsks, icmpv6NeighborAnswer)},
		{name: setDNS, key: typeL4Proto<<typeBits | typeService, size: 8, elements: dns},
		{name: setLAN4, key: typeIPv4, size: 4, flags: unix.NFT_SET_INTERVAL, elements: ranges(lanRanges4)},
		{name: setLAN6, key: typeIPv6, size: 16, flags: unix.NFT_SET_INTERVAL, elements: ranges(lanRanges6)},
	}
}()

var inetProtocols = []byte{unix.NFPROTO_IPV4, unix.NFPROTO_IPV6}

func (m *meant) pausedSet(protocols []byte) set {
	s := set{name: setPaused, key: typeNFProto, size: 1, flags: unix.NFT_SET_TIMEOUT, elements: map[element]time.Duration{}}
	if m.paused != 0 && m.paused > -slack { // the kernel may end it a moment later
		for _, p := range protocols {
			s.elements[element{key: string([]byte{p})}] = max(m.paused, 1)
		}
	}
	return s
}

// carry divides what is kept in: protocols of which it is everything, and
// destinations of the others.
func (m *meant) carry() (all []byte, v4, v6 []netip.Prefix) {
	k4, k6 := keptIn(m.set)
	if k4.all {
		all = append(all, unix.NFPROTO_IPV4)
	}
	if k6.all {
		all = append(all, unix.NFPROTO_IPV6)
	}
	return all, k4.only, k6.only
}

func (m *meant) own() (v4, v6 map[element]time.Duration) {
	own4, own6 := ownOf(m.set)
	return addresses(own4), addresses(own6)
}

func addresses(list []netip.Addr) map[element]time.Duration {
	out := map[element]time.Duration{}
	for _, a := range list {
		out[element{key: string(a.AsSlice())}] = 0
	}
	return out
}

func (m *meant) permitted(name string) map[element]time.Duration {
	out := map[element]time.Duration{}
	if m.set.Kind != guardset.Held {
		return out
	}
	for _, p := range m.permits {
		if set, e := p.element(); set == name {
			out[e] = 0
		}
	}
	return out
}

func keys(list ...byte) map[element]time.Duration {
	out := map[element]time.Duration{}
	for _, k := range list {
		out[element{key: string([]byte{k})}] = 0
	}
	return out
}

// protoPort is the end of a key of several types, each of which begins at a
// boundary of four bytes.
func protoPort(protocol byte, port uint16) string {
	return string(append([]byte{protocol, 0, 0, 0}, binary.BigEndian.AppendUint16(nil, port)...)) + "\x00\x00"
}

// ranges are the elements of a set that holds these prefixes of one family:
// where what they have in common begins, and where it ends.
func ranges(list []netip.Prefix) map[element]time.Duration {
	out := map[element]time.Duration{}
	list = slices.SortedFunc(slices.Values(list), netip.Prefix.Compare)
	for _, p := range list {
		first, behind := p.Masked().Addr(), last(p).Next()
		begin := element{key: string(first.AsSlice()), end: true}
		if _, touches := out[begin]; touches {
			delete(out, begin)
		} else {
			out[element{key: begin.key}] = 0
		}
		if behind.IsValid() { // else it goes on to the highest address
			out[element{key: string(behind.AsSlice()), end: true}] = 0
		}
	}
	return out
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
