package e2e

import "strings"

// harm is what is done to the system, by a network or by another program, while
// the flood runs. Each is a case in every state.
type harm struct {
	name     string
	do, undo func(l *laboratory)
	// leaks says that without the guard routed packets leave by it: the case is
	// an attack, and the laboratory sees it.
	leaks bool
	// tells says that without the guard something leaves by it that carries no mark.
	tells bool
	// unlocks says that it takes the guard's rules away, which holds where no
	// service is there to own them or to put them back: a known exception.
	unlocks bool
	// gone says that the tunnel is gone by it, and has to be mended.
	gone bool
}

// inClient makes a step of commands in the client's namespace, one a line. What
// fails is passed over: not every command has something to do in every state.
func inClient(lines string) func(*laboratory) {
	return func(l *laboratory) {
		for line := range strings.Lines(lines) {
			if words := strings.Fields(line); len(words) > 0 {
				_, _ = l.try(l.client, words...)
			}
		}
	}
}

// rules makes a step that hands a text to nft in the client's namespace.
func rules(text string) func(*laboratory) {
	return func(l *laboratory) { _, _ = l.try(l.client, "nft", text) }
}

// undone returns the commands that take back those of a text that add.
func undone(lines string) string { return strings.ReplaceAll(lines, " add ", " del ") }

// routes is a case of routes that are added, and taken away again.
func routes(name, lines string) harm {
	return harm{name: name, leaks: true, do: inClient(lines), undo: inClient(undone(lines))}
}

// harms are all of them.
func harms() []harm {
	var all []harm
	for _, list := range [][]harm{routeHarms(), ruleHarms(), firewallHarms(), deviceHarms(), uplinkHarms(), outsideHarms()} {
		all = append(all, list...)
	}
	return all
}

// routeHarms are those that DHCP, router advertisements and other programs do to
// the main table.
func routeHarms() []harm {
	return []harm{
		routes("option 121: two halves", `
			ip route add 0.0.0.0/1 via 10.200.0.1
			ip route add 128.0.0.0/1 via 10.200.0.1
			ip -6 route add ::/1 via fd00:c::1
			ip -6 route add 8000::/1 via fd00:c::1`).harmless(),
		routes("option 121: a route to the host", `
			ip route add 203.0.113.10/32 via 10.200.0.1
			ip -6 route add 2001:db8:113::10/128 via fd00:c::1`),
		routes("option 121: a route to a network", `
			ip route add 203.0.0.0/8 via 10.200.0.1
			ip -6 route add 2001:db8::/32 via fd00:c::1`),
		routes("ServerIP: a route to the endpoint and the host", `
			ip route add 10.200.1.2/32 via 10.200.0.1
			ip route add 203.0.113.0/28 via 10.200.0.1
			ip -6 route add 2001:db8:113::/64 via fd00:c::1`),
		{name: "LocalNet: a public network declared on-link", leaks: true,
			do: func(l *laboratory) {
				l.sh(l.router, "sysctl", "-qw", "net.ipv4.conf.c.proxy_arp=1", "net.ipv6.conf.c.proxy_ndp=1",
					"net.ipv4.neigh.c.proxy_delay=0", "net.ipv6.neigh.c.proxy_delay=0")
				l.ip(l.router, "-6 neigh add proxy "+publicHost6+" dev c")
				inClient(`
					ip addr add 203.0.113.77/24 dev eth0
					ip addr add 2001:db8:113::77/64 dev eth0 nodad`)(l)
			},
			undo: func(l *laboratory) {
				l.sh(l.router, "sysctl", "-qw", "net.ipv4.conf.c.proxy_arp=0", "net.ipv6.conf.c.proxy_ndp=0")
				inClient(`
					ip addr del 203.0.113.77/24 dev eth0
					ip addr del 2001:db8:113::77/64 dev eth0`)(l)
			}},
		routes("a second uplink with a better metric", `
			ip route add default via 10.201.0.1 dev eth1 metric 50
			ip -6 route add default via fd00:d::1 dev eth1 metric 50`).harmless(),
		routes("a second uplink with routes to halves", `
			ip route add 0.0.0.0/1 via 10.201.0.1 dev eth1
			ip route add 128.0.0.0/1 via 10.201.0.1 dev eth1
			ip -6 route add ::/1 via fd00:d::1 dev eth1
			ip -6 route add 8000::/1 via fd00:d::1 dev eth1`).harmless(),
		{name: "all default routes gone and back", do: inClient(`
			ip route del default via 10.200.0.1 dev eth0
			ip route del default via 10.201.0.1 dev eth1
			ip -6 route del default via fd00:c::1 dev eth0
			ip -6 route del default via fd00:d::1 dev eth1`),
			undo: inClient(`
			ip route add default via 10.200.0.1 dev eth0 metric 100
			ip route add default via 10.201.0.1 dev eth1 metric 200
			ip -6 route add default via fd00:c::1 dev eth0
			ip -6 route add default via fd00:d::1 dev eth1 metric 2048`)},
	}
}

// harmless says that without the guard, too, nothing leaves by it: routing
// alone withstands it, or is put back before much can leave.
func (h harm) harmless() harm {
	h.leaks = false
	return h
}

// ruleHarms are those of the tunnel's routing.
func ruleHarms() []harm {
	another := `
		ip route add default via 10.200.0.1 dev eth0 table 100
		ip -6 route add default via fd00:c::1 dev eth0 table 100
		ip rule add priority 100 table 100
		ip -6 rule add priority 100 table 100`
	nothing := func(*laboratory) {}
	return []harm{
		{name: "a rule of another program comes first", leaks: true, do: inClient(another), undo: inClient(undone(another))},
		{name: "our rules deleted", undo: nothing, do: inClient(`
			ip rule del priority 26726
			ip rule del priority 26727
			ip rule del priority 26728
			ip -6 rule del priority 26726
			ip -6 rule del priority 26727
			ip -6 rule del priority 26728`)},
		{name: "all rules flushed", undo: nothing, do: inClient(`
			ip rule flush
			ip -6 rule flush
			ip rule add priority 32766 table main
			ip -6 rule add priority 32766 table main`)},
		{name: "our table flushed", undo: nothing, do: inClient(`
			ip route flush table 26726
			ip -6 route flush table 26726`)},
		{name: "our routes flushed everywhere", undo: nothing, do: inClient(`
			ip route flush table all proto 104
			ip -6 route flush table all proto 104`)},
		{name: "another default route in our table", do: inClient(`
			ip route replace default via 10.200.0.1 dev eth0 table 26726
			ip -6 route replace default via fd00:c::1 dev eth0 table 26726`),
			undo: inClient(`
			ip route del default via 10.200.0.1 dev eth0 table 26726
			ip -6 route del default via fd00:c::1 dev eth0 table 26726`)},
	}
}

// firewallHarms are what other programs do to the firewall.
func firewallHarms() []harm {
	again := (*laboratory).masquerade
	return []harm{
		{name: "nft flush ruleset", unlocks: true, undo: again, do: rules("flush ruleset")},
		{name: "nft flush ruleset, five times", unlocks: true, undo: again, do: func(l *laboratory) {
			for range 5 {
				rules("flush ruleset")(l)
			}
		}},
		{name: "our tables deleted", unlocks: true, undo: again, do: inClient(`
			nft delete table inet holdfast
			nft delete table arp holdfast`)},
		{name: "our chains flushed", unlocks: true, undo: again, do: inClient(`
			nft flush table inet holdfast
			nft flush table arp holdfast`)},
		{name: "a rule to accept put before ours", unlocks: true, undo: again, do: inClient(`
			nft insert rule inet holdfast output accept
			nft insert rule inet holdfast forward accept
			nft insert rule inet holdfast postrouting accept
			nft insert rule inet holdfast leave accept`)},
		{name: "an accepting firewall beside ours", do: rules(`add table inet other; flush table inet other;
			add chain inet other out { type filter hook output priority -300; policy accept; };
			add chain inet other fwd { type filter hook forward priority -300; policy accept; };
			add chain inet other post { type filter hook postrouting priority 300; policy accept; };
			add rule inet other out accept; add rule inet other fwd accept; add rule inet other post accept`),
			undo: rules("delete table inet other")},
		{name: "another program puts our mark on everything", leaks: true, do: rules(`add table inet other; flush table inet other;
			add chain inet other out { type route hook output priority -200; };
			add chain inet other pre { type filter hook prerouting priority -200; };
			add rule inet other out meta mark set 0x6866; add rule inet other pre meta mark set 0x6866`),
			undo: rules("delete table inet other")},
		{name: "another program sends copies elsewhere", leaks: true, do: rules(`add table ip other; flush table ip other;
			add chain ip other out { type filter hook output priority 10; };
			add rule ip other out ip daddr { 203.0.113.10, 198.51.100.10 } dup to 10.200.0.77 device "eth0"`),
			undo: rules("delete table ip other")},
		{name: "destinations translated, as Docker does", do: rules(`add table ip other; flush table ip other;
			add chain ip other out { type nat hook output priority -100; };
			add chain ip other pre { type nat hook prerouting priority -100; };
			add rule ip other out ip daddr 203.0.113.10 meta l4proto { tcp, udp } dnat to 10.200.0.77;
			add rule ip other pre iifname "cont0" ip daddr 203.0.113.10 meta l4proto { tcp, udp } dnat to 10.200.0.77`),
			undo: rules("delete table ip other")},
	}
}
