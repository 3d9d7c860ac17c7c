package guard

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// wfpLayer is a point at which the Windows Filtering Platform asks filters.
type wfpLayer uint8

// The layers. At the first four each flow is asked for once, with the program
// and the user that it is of, and again after every change of the filters there:
// what was let through before the guard shut ends with its next packet. Sockets
// that are raw are asked for there as well. At the last two each packet is that
// is forwarded.
//
// There is none of the layers that are asked for each packet of this computer's
// own: the program is not known at them, and they cost time with each packet of
// the tunnel's. What the system itself answers to strangers without a program
// (resets of TCP, errors of ICMP) is therefore not kept in.
const (
	wfpConnect4 wfpLayer = iota
	wfpConnect6
	wfpAccept4
	wfpAccept6
	wfpForward4
	wfpForward6
	wfpLayers
)

func (l wfpLayer) String() string {
	return [...]string{"connect4", "connect6", "accept4", "accept6", "forward4", "forward6"}[l]
}

// wfpField is what a condition is about.
type wfpField uint8

// The fields. At the layers of flows "local" is this computer, also for what
// comes in.
const (
	wfpFlags wfpField = iota
	wfpLocalInterface
	wfpLocalAddress
	wfpRemoteAddress
	wfpProtocol
	wfpLocalPort // the type, where it is ICMP
	wfpRemotePort
	wfpProgram
	wfpUser
	// Of packets that are forwarded.
	wfpSourceAddress
	wfpDestination
	wfpFromInterface // the index of that which it came by
	wfpIntoInterface
)

func (f wfpField) String() string {
	return [...]string{
		"flags", "interface", "local", "remote", "protocol", "local port", "remote port", "program", "user",
		"source", "destination", "from interface", "into interface",
	}[f]
}

// wfpIsLoopback is the flag of what stays on this computer.
const wfpIsLoopback = 1

// wfpCondition asks whether a field is what it says. Which of the values counts
// follows from the field.
type wfpCondition struct {
	field  wfpField
	prefix netip.Prefix // of addresses
	blob   string       // of the program and the user
	number uint64       // of all others
}

func (c wfpCondition) String() string {
	switch c.field {
	case wfpLocalAddress, wfpRemoteAddress, wfpSourceAddress, wfpDestination:
		return fmt.Sprintf("%v %v", c.field, c.prefix)
	case wfpProgram, wfpUser:
		return fmt.Sprintf("%v %q", c.field, c.blob)
	default:
		return fmt.Sprintf("%v %d", c.field, c.number)
	}
}

// wfpLife is how long a filter lives.
type wfpLife uint8

const (
	// wfpLasting stays until it is deleted, over restarts of the computer. While
	// the engine of the filters is not up yet its twin stands in, see wfpBoot.
	wfpLasting wfpLife = iota
	// wfpBoot is in force from when there is a network stack until the engine has
	// put the lasting ones in force, both in one step.
	wfpBoot
	// wfpLive ends with this process, however that ends.
	wfpLive
	// wfpPause does as well, and is deleted apart.
	wfpPause
)

// wfpFilter is one filter. All its conditions must hold; those that follow one
// another and are about one field are alternatives.
type wfpFilter struct {
	name       string
	layer      wfpLayer
	life       wfpLife
	permit     bool // else it blocks
	weight     wfpWeight
	conditions []wfpCondition
}

// wfpWeight puts the filters of a layer in order: the first that matches, from
// the highest weight on, decides for our sublayer.
//
// Our sublayer has the highest weight that there is, and stands beside those of
// other firewalls. Its permits are soft: what another firewall blocks stays
// blocked. Its blocks are hard, as blocks of filters are, so that no permit in a
// sublayer below can undo them; only a hard permit that is asked before, in
// another sublayer of the highest weight, could.
type wfpWeight uint64

// The weights.
const (
	wfpWeightShut wfpWeight = iota + 1
	wfpWeightLAN
	wfpWeightDNS
	wfpWeightLink
	wfpWeightOurs
	wfpWeightOwn
	wfpWeightTunnel
	wfpWeightAll
)

// String is everything that matters about a filter.
func (f *wfpFilter) String() string {
	var b strings.Builder
	action := "block"
	if f.permit {
		action = "permit"
	}
	fmt.Fprintf(&b, "%v %d %s", f.layer, f.weight, action)
	for i, c := range f.conditions {
		switch {
		case i == 0:
			b.WriteString(" where ")
		case c.field == f.conditions[i-1].field:
			b.WriteString(" or ")
		default:
			b.WriteString(" and ")
		}
		b.WriteString(c.String())
	}
	return b.String()
}

// key is the filter's GUID: another one for each other filter, so that one that
// is found is what it is meant to be. BFE lets no filter be changed.
func (f *wfpFilter) key() [16]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "holdfast guard 1 %d %s %s", f.life, f.name, f))
	key := [16]byte(sum[:16])
	key[6] = key[6]&0x0f | 0x80 // RFC 9562, version 8: made by a rule of one's own
	key[8] = key[8]&0x3f | 0x80
	return key
}

// wfpSelf is what of this process and its tunnel filters can be bound to.
type wfpSelf struct {
	program string // as FwpmGetAppIdFromFileName0 names it
	user    string // a security descriptor that only this process's user passes
	// luid and index are those of the tunnel's interface. 0: there is none now.
	luid  uint64
	index uint32
}

// wfpPerFilter is how many addresses one filter asks about, of any number.
const wfpPerFilter = 1000

// wfpFilters are the filters that enforce it. None for a set that is open.
func wfpFilters(m meant, self wfpSelf) []wfpFilter {
	if !m.set.Shut() {
		return nil
	}
	v4, v6 := keptIn(m.set)
	own4, own6 := ownOf(m.set)
	var w wfpWriter
	for _, f := range []wfpFamily{
		{kept: v4, own: own4, lan: lanRanges4, dhcp: dhcpServers4, icmp: protocolICMP, echo: icmpEcho,
			dhcpHere: dhcpClient4, dhcpThere: dhcpServer4, connect: wfpConnect4, accept: wfpAccept4, forward: wfpForward4},
		{v6: true, kept: v6, own: own6, lan: lanRanges6, dhcp: dhcpServers6, icmp: protocolICMPv6, echo: icmpv6Echo,
			dhcpHere: dhcpClient6, dhcpThere: dhcpServer6, connect: wfpConnect6, accept: wfpAccept6, forward: wfpForward6},
	} {
		w.lasting(&f, m.set.LAN)
		w.live(&f, &m, &self)
	}
	return w.filters
}

// wfpFamily is what is different between IPv4 and IPv6.
type wfpFamily struct {
	v6                       bool
	kept                     kept
	own                      []netip.Addr
	lan, dhcp                []netip.Prefix
	icmp, echo               byte
	dhcpHere, dhcpThere      uint16
	connect, accept, forward wfpLayer
}

// flows are the layers at which flows of this computer are asked for.
func (f *wfpFamily) flows() []wfpLayer { return []wfpLayer{f.connect, f.accept} }

type wfpWriter struct{ filters []wfpFilter }

// lasting writes what stays without a process of ours, and its twins for the
// time before there can be one.
func (w *wfpWriter) lasting(f *wfpFamily, lan bool) {
	first := len(w.filters)
	for _, l := range f.flows() {
		w.add("stays on this computer", l, wfpLasting, true, wfpWeightAll, wfpNumber(wfpFlags, wfpIsLoopback))
		if len(f.own) > 0 {
			w.add("the tunnel's addresses outside of it", l, wfpLasting, false, wfpWeightOwn, wfpAddresses(wfpLocalAddress, f.own)...)
		}
		w.add("DHCP", l, wfpLasting, true, wfpWeightLink, append([]wfpCondition{
			wfpNumber(wfpProtocol, protocolUDP), wfpNumber(wfpLocalPort, uint64(f.dhcpHere)), wfpNumber(wfpRemotePort, uint64(f.dhcpThere)),
		}, wfpPrefixes(wfpRemoteAddress, f.dhcp)...)...)
		if lan && f.kept.all {
			w.add("DNS is not the private network's", l, wfpLasting, false, wfpWeightDNS,
				wfpNumber(wfpProtocol, protocolTCP), wfpNumber(wfpProtocol, protocolUDP),
				wfpNumber(wfpRemotePort, uint64(dnsPorts[0])), wfpNumber(wfpRemotePort, uint64(dnsPorts[1])))
			w.add("the private network", l, wfpLasting, true, wfpWeightLAN, wfpPrefixes(wfpRemoteAddress, f.lan)...)
		}
		w.shut(l, wfpRemoteAddress, f.kept)
	}
	if f.v6 {
		w.neighbours(f.connect, icmpv6RouterSolicit)
		w.neighbours(f.accept, icmpv6RouterAdvert)
	}
	if len(f.own) > 0 {
		w.add("the tunnel's addresses outside of it", f.forward, wfpLasting, false, wfpWeightOwn, wfpAddresses(wfpSourceAddress, f.own)...)
	}
	w.shut(f.forward, wfpDestination, f.kept)
	for _, twin := range w.filters[first:] {
		twin.life = wfpBoot
		w.filters = append(w.filters, twin)
	}
}

// neighbours lets pass what finds them, and the type of its own that finds
// routers. Redirects are not among them. The tunnel's addresses cannot be told
// from others here: the system does not look for them elsewhere.
func (w *wfpWriter) neighbours(l wfpLayer, routers byte) {
	w.add("neighbour discovery", l, wfpLasting, true, wfpWeightLink, wfpNumber(wfpProtocol, protocolICMPv6),
		wfpNumber(wfpLocalPort, uint64(routers)), wfpNumber(wfpLocalPort, icmpv6NeighborAsks), wfpNumber(wfpLocalPort, icmpv6NeighborAnswer))
}

// shut writes what blocks.
func (w *wfpWriter) shut(l wfpLayer, remote wfpField, k kept) {
	if k.all {
		w.add("kept in", l, wfpLasting, false, wfpWeightShut)
		return
	}
	for i := 0; i < len(k.only); i += wfpPerFilter {
		part := k.only[i:min(i+wfpPerFilter, len(k.only))]
		w.add("kept in", l, wfpLasting, false, wfpWeightShut, wfpPrefixes(remote, part)...)
	}
}

// live writes what is only right as long as this process runs. Its tunnel's
// interface is gone with it, and its number may become another's.
func (w *wfpWriter) live(f *wfpFamily, m *meant, self *wfpSelf) {
	if m.paused > 0 {
		for _, l := range append(f.flows(), f.forward) {
			w.add("paused", l, wfpPause, true, wfpWeightAll)
		}
	}
	if self.luid != 0 {
		for _, l := range f.flows() {
			w.add("the tunnel", l, wfpLive, true, wfpWeightTunnel, wfpNumber(wfpLocalInterface, self.luid))
		}
		w.add("the tunnel", f.forward, wfpLive, true, wfpWeightTunnel, wfpNumber(wfpIntoInterface, self.luid))
		// Answers from the tunnel to a container or a virtual machine here.
		w.add("answers from the tunnel", f.forward, wfpLive, true, wfpWeightOurs, append([]wfpCondition{
			wfpNumber(wfpFromInterface, uint64(self.index)),
		}, wfpPrefixes(wfpDestination, f.lan)...)...)
	}
	for _, p := range m.inForce() {
		if p.to.Addr().Is6() == f.v6 {
			w.ours(f, p, self)
		}
	}
}

// ours writes a permit: for this program, run by this user, and nobody else. UDP
// may also begin with the other side, after a pause in which its flow ended. An
// echo is everybody's: Windows itself sends it, for whoever asked.
func (w *wfpWriter) ours(f *wfpFamily, p permit, self *wfpSelf) {
	to := wfpCondition{field: wfpRemoteAddress, prefix: netip.PrefixFrom(p.to.Addr(), p.to.Addr().BitLen())}
	if p.protocol == protocolICMP {
		w.add("an echo", f.connect, wfpLive, true, wfpWeightOurs, to, wfpNumber(wfpProtocol, uint64(f.icmp)), wfpNumber(wfpLocalPort, uint64(f.echo)))
		return
	}
	what := []wfpCondition{
		{field: wfpProgram, blob: self.program}, {field: wfpUser, blob: self.user}, to,
		wfpNumber(wfpProtocol, uint64(p.protocol)), wfpNumber(wfpRemotePort, uint64(p.to.Port())),
	}
	w.add("ours", f.connect, wfpLive, true, wfpWeightOurs, what...)
	if p.protocol == protocolUDP {
		w.add("ours", f.accept, wfpLive, true, wfpWeightOurs, what...)
	}
}

func (w *wfpWriter) add(name string, l wfpLayer, life wfpLife, permit bool, weight wfpWeight, conditions ...wfpCondition) {
	w.filters = append(w.filters, wfpFilter{name: name, layer: l, life: life, permit: permit, weight: weight, conditions: conditions})
}

func wfpNumber(field wfpField, n uint64) wfpCondition { return wfpCondition{field: field, number: n} }

func wfpPrefixes(field wfpField, list []netip.Prefix) []wfpCondition {
	var out []wfpCondition
	for _, p := range list {
		out = append(out, wfpCondition{field: field, prefix: p})
	}
	return out
}

func wfpAddresses(field wfpField, list []netip.Addr) []wfpCondition {
	var out []wfpCondition
	for _, a := range list {
		out = append(out, wfpCondition{field: field, prefix: netip.PrefixFrom(a, a.BitLen())})
	}
	return out
}

// wfpMask is a prefix of IPv4 as the filters take it, in the computer's order.
func wfpMask(p netip.Prefix) (addr, mask uint32) {
	b := p.Masked().Addr().As4()
	return binary.BigEndian.Uint32(b[:]), uint32(^uint64(0) << (32 - p.Bits()))
}
