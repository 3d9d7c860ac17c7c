package guard

import (
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// ruleset are the chains of our tables, which never change while a Guard lives.
type ruleset struct {
	inet, arp []chain
}

// newRuleset makes the chains for a tunnel's interface, and packets of ours with
// this mark from sockets of this user.
func newRuleset(tunnel string, mark, uid uint32) *ruleset {
	return &ruleset{inet: append(hooks(tunnel, mark, uid), leaving()...), arp: arpChains(tunnel)}
}

// hooks are where packets are looked at. Each that they leave by drops what no
// rule lets pass. The second look, behind all others' rules, is for packets
// whose destination or way was changed after the first; the first is also for
// those which IPsec made of others, that come by no second.
//
// What most packets match is asked first, and of the packet itself: a look into
// a set costs three times as much.
func hooks(tunnel string, mark, uid uint32) []chain {
	const late = 320 // behind the translation of addresses, at 100 and 300
	into, local := newRule(ifname(expr.MetaKeyOIFNAME, tunnel), accept), newRule(loopback(expr.MetaKeyOIF), accept)
	marked, user := match(meta(expr.MetaKeyMARK, reg1), equal(number(mark)...)), match(meta(expr.MetaKeySKUID, reg1), equal(number(uid)...))
	// The second look asks anew whose a packet is: where another program put our
	// mark on one that was bound for the tunnel, the first still saw the tunnel.
	ours := newRule(marked, user, jump("ours"))
	own4, own6 := newRule(addr4(saddr4, setOwn4), refuse), newRule(addr6(saddr6, setOwn6), refuse)
	link, inside, keep := newRule(jump("link")), newRule(ifname(expr.MetaKeyIIFNAME, tunnel), jump("inside")), newRule(jump("keep"))
	return []chain{
		{"prerouting", &hook{unix.NF_INET_PRE_ROUTING, -150, "filter", policyAccept}, []rule{
			newRule(addr4(daddr4, setOwn4), enter("probe")),
			newRule(addr6(daddr6, setOwn6), enter("probe")),
		}},
		{"output", &hook{unix.NF_INET_LOCAL_OUT, -10, "filter", policyDrop}, []rule{into, local, ours, own4, own6, link, keep}},
		{"forward", &hook{unix.NF_INET_FORWARD, -10, "filter", policyDrop}, []rule{into, inside, own4, own6, keep}},
		{"postrouting", &hook{unix.NF_INET_POST_ROUTING, late, "filter", policyDrop}, []rule{into, local, ours, own4, own6, link, inside, keep}},
		// What comes for the tunnel's addresses from outside it is refused: who could
		// ask for them would learn which they are, and what is sent through.
		{"probe", nil, []rule{
			newRule(ifname(expr.MetaKeyIIFNAME, tunnel), accept),
			newRule(loopback(expr.MetaKeyIIF), accept),
			newRule(refuse),
		}},
	}
}

// leaving are the chains that the hooks share.
func leaving() []chain {
	icmpv6 := append(nfproto(unix.NFPROTO_IPV6), l4proto(unix.IPPROTO_ICMPV6)...)
	udp4 := append(nfproto(unix.NFPROTO_IPV4), l4proto(unix.IPPROTO_UDP)...)
	udp6 := append(nfproto(unix.NFPROTO_IPV6), l4proto(unix.IPPROTO_UDP)...)
	return []chain{
		// Our own packets never have an address of the tunnel: where one has, another
		// program put our mark on it after its source was chosen.
		{"ours", nil, []rule{
			newRule(addr4(saddr4, setOwn4), goesBack),
			newRule(addr6(saddr6, setOwn6), goesBack),
			// They may go to exactly where they are permitted.
			newRule(nfproto(unix.NFPROTO_IPV4), match(network(daddr4, 4, reg1), meta(expr.MetaKeyL4PROTO, reg1word1), transport(2, 2, reg1word2), in(setPass4)), accept),
			newRule(nfproto(unix.NFPROTO_IPV6), match(network(daddr6, 16, reg1), meta(expr.MetaKeyL4PROTO, reg2), transport(2, 2, reg2word1), in(setPass6)), accept),
			newRule(l4proto(unix.IPPROTO_ICMP), match(transport(0, 1, reg1), equal(icmpEcho)), addr4(daddr4, setPing4), accept),
			newRule(l4proto(unix.IPPROTO_ICMPV6), match(transport(0, 1, reg1), equal(icmpv6Echo)), addr6(daddr6, setPing6), accept),
		}},
		// What a link needs to have an address and neighbours, but nothing that
		// would tell them the tunnel's addresses.
		{"link", nil, []rule{
			newRule(udp4, match(transport(0, 4, reg1), equal(0, 68, 0, 67)), addr4(daddr4, setDHCP4), accept),
			newRule(udp6, match(transport(0, 4, reg1), equal(546>>8, 546&0xff, 547>>8, 547&0xff)), addr6(daddr6, setDHCP6), accept),
			newRule(icmpv6, match(network(7, 1, reg1), equal(255), transport(0, 1, reg1), in(setNDP)), jump("neighbour")),
			newRule(nfproto(unix.NFPROTO_IPV4), l4proto(unix.IPPROTO_ICMP), match(transport(0, 2, reg1), equal(icmpUnreachable, icmpTooLarge)), jump("large")),
			newRule(icmpv6, match(transport(0, 1, reg1), equal(icmpv6TooLarge)), jump("large")),
		}},
		// What the kernel, and no program, says to a container or a virtual machine
		// of a packet that was too large for the tunnel: else its transfers hang.
		{"large", nil, []rule{
			newRule(match(meta(expr.MetaKeySKUID, reg1), &expr.Cmp{Op: expr.CmpOpGte, Register: reg1, Data: number(0)}), goesBack),
			newRule(addr4(daddr4, setLAN4), accept),
			newRule(addr6(daddr6, setLAN6), accept),
		}},
		{"neighbour", nil, []rule{
			newRule(match(transport(8, 16, reg1), in(setOwn6)), refuse), // the target; a solicitation of routers has none
			newRule(accept),
		}},
		// Answers from the tunnel to a container or a virtual machine here.
		{"inside", nil, []rule{
			newRule(addr4(daddr4, setLAN4), accept),
			newRule(addr6(daddr6, setLAN6), accept),
		}},
		// What is left is kept in where it is the tunnel's to carry.
		{"keep", nil, []rule{
			newRule(proto(setShut), enter("shut")),
			newRule(addr4(daddr4, setCarry4), refuse),
			newRule(addr6(daddr6, setCarry6), refuse),
			newRule(accept),
		}},
		{"shut", nil, []rule{
			newRule(proto(setLAN), jump("lan")),
			newRule(refuse),
		}},
		// The private network is excepted, but for DNS: its resolver would be asked
		// for the names that are meant for the tunnel's.
		{"lan", nil, []rule{
			newRule(match(meta(expr.MetaKeyL4PROTO, reg1), transport(2, 2, reg1word1), in(setDNS)), goesBack),
			newRule(addr4(daddr4, setLAN4), accept),
			newRule(addr6(daddr6, setLAN6), accept),
		}},
		refused(),
	}
}

// refused is where all ends that is dropped. Only there a pause is asked for:
// what passes anyhow need not wait for the answer.
func refused() chain {
	return chain{"refuse", nil, []rule{newRule(proto(setPaused), accept), newRule(drop)}}
}

// arpChains keep the tunnel's addresses from the neighbours: none learns that
// they are here, and by which link.
func arpChains(tunnel string) []chain {
	const (
		hookIn, hookOut = 0, 1 // of linux/netfilter_arp.h
		// Offsets of the addresses where those of the link have six bytes.
		sender, target = 14, 24
	)
	names := func(offset uint32) []expr.Any {
		return match(network(4, 2, reg1), equal(6, 4), network(offset, 4, reg1), in(setOwn4))
	}
	return []chain{
		{"input", &hook{hookIn, 0, "filter", policyAccept}, []rule{
			newRule(ifname(expr.MetaKeyIIFNAME, tunnel), accept),
			newRule(names(target), refuse),
		}},
		{"output", &hook{hookOut, 0, "filter", policyAccept}, []rule{
			newRule(ifname(expr.MetaKeyOIFNAME, tunnel), accept),
			newRule(names(sender), refuse),
			newRule(names(target), refuse),
		}},
		refused(),
	}
}
