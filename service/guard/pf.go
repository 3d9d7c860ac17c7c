package guard

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// pfParent is what leads from the main rules to ours, see pfAnchor.
const pfParent = `anchor "com.apple/*"`

// pfRules is what enforces a set: text for pfctl(8), in the syntax of macOS, whose
// pf is of OpenBSD 4.3 and older.
type pfRules struct {
	tables []string
	rules  []string
}

// pfWrite are the rules that enforce it, for a tunnel's interface of this name
// ("": there is none now) and packets of this user. None for a set that is open.
//
// Every rule is quick: the first that matches decides, and nothing behind it can
// let out what is kept in. None keeps state: pf asks no rule for a packet that
// belongs to a state, which so could outlive what it was permitted by.
//
// The rule of a user is only reached by packets that are not of the tunnel and
// match its address and port: looking up the socket of a packet that is on its
// way through an interface of type utun can hang macOS 15.
func pfWrite(m meant, tunnel string, uid int) pfRules {
	var p pfRules
	if !m.set.Shut() {
		return p
	}
	if m.paused > 0 {
		p.add("pass quick all no state")
		return p
	}
	p.add("pass quick on lo0 all no state")
	if tunnel != "" {
		p.add("pass quick on " + tunnel + " all no state")
	}
	own4, own6 := ownOf(m.set)
	if own := append(own4, own6...); len(own) > 0 {
		p.table("own", texts(own))
		p.add("block drop in quick from any to <own>")
		p.add("block drop out quick from <own> to any")
	}
	for _, permit := range m.inForce() {
		p.add(pfPermit(permit, uid))
	}
	p.table("dhcp4", texts(dhcpServers4))
	p.table("dhcp6", texts(dhcpServers6))
	p.add(fmt.Sprintf("pass out quick inet proto udp from any port %d to <dhcp4> port %d no state", dhcpClient4, dhcpServer4))
	p.add(fmt.Sprintf("pass out quick inet6 proto udp from any port %d to <dhcp6> port %d no state", dhcpClient6, dhcpServer6))
	for _, kind := range []int{icmpv6RouterSolicit, icmpv6NeighborAsks, icmpv6NeighborAnswer} {
		p.add(fmt.Sprintf("pass out quick inet6 proto ipv6-icmp all icmp6-type %d no state", kind))
	}
	v4, v6 := keptIn(m.set)
	p.keep("inet", "4", v4, m.set.LAN, lanRanges4)
	p.keep("inet6", "6", v6, m.set.LAN, lanRanges6)
	return p
}

// pfPermit is the rule of a permit. pf knows the user of TCP and UDP only.
func pfPermit(p permit, uid int) string {
	family, icmp, echo := "inet", "icmp", fmt.Sprintf("icmp-type %d", icmpEcho)
	if p.to.Addr().Is6() {
		family, icmp, echo = "inet6", "ipv6-icmp", fmt.Sprintf("icmp6-type %d", icmpv6Echo)
	}
	switch p.protocol {
	case protocolICMP:
		return fmt.Sprintf("pass out quick %s proto %s from any to %v %s no state", family, icmp, p.to.Addr(), echo)
	case protocolTCP:
		return fmt.Sprintf("pass out quick %s proto tcp from any to %v port %d user %d no state", family, p.to.Addr(), p.to.Port(), uid)
	default:
		return fmt.Sprintf("pass out quick %s proto udp from any to %v port %d user %d no state", family, p.to.Addr(), p.to.Port(), uid)
	}
}

// keep writes what blocks of a family, and what is excepted.
func (p *pfRules) keep(family, number string, k kept, lan bool, ranges []netip.Prefix) {
	if !k.all {
		if len(k.only) > 0 {
			p.table("carry"+number, texts(k.only))
			p.add(fmt.Sprintf("block drop out quick %s from any to <carry%s>", family, number))
		}
		return
	}
	if lan {
		for _, protocol := range []string{"tcp", "udp"} {
			for _, port := range dnsPorts {
				p.add(fmt.Sprintf("block drop out quick %s proto %s from any to any port %d", family, protocol, port))
			}
		}
		p.table("lan"+number, texts(ranges))
		p.add(fmt.Sprintf("pass out quick %s from any to <lan%s> no state", family, number))
	}
	p.add(fmt.Sprintf("block drop out quick %s all", family))
}

// table writes a table. Nobody can change what is in it while it is loaded.
func (p *pfRules) table(name string, members []string) {
	p.tables = append(p.tables, fmt.Sprintf("table <%s> const { %s }", name, strings.Join(members, ", ")))
}

func (p *pfRules) add(rule string) { p.rules = append(p.rules, rule) }

// mark is another one for each other set of rules.
func (p *pfRules) mark() string {
	sum := sha256.Sum256([]byte(strings.Join(append(slices.Clone(p.tables), p.rules...), "\n")))
	return fmt.Sprintf("%x", sum[:6])
}

// label is that of the n-th rule. What pfctl shows of a rule is written otherwise
// than it was loaded; its label stays, and says which it is and of which rules.
func (p *pfRules) label(mark string, n int) string { return fmt.Sprintf("holdfast %s %d", mark, n) }

// text is what pfctl loads.
func (p *pfRules) text() string {
	var b strings.Builder
	for _, t := range p.tables {
		b.WriteString(t + "\n")
	}
	mark := p.mark()
	for i, r := range p.rules {
		fmt.Fprintf(&b, "%s label \"%s\"\n", r, p.label(mark, i))
	}
	return b.String()
}

// names are those of the tables, as pfctl lists them: in order.
func (p *pfRules) names() []string {
	var out []string
	for _, t := range p.tables {
		out = append(out, t[strings.IndexByte(t, '<')+1:strings.IndexByte(t, '>')])
	}
	slices.Sort(out)
	return out
}

var pfLabel = regexp.MustCompile(`label "([^"]*)"`)

// differs says how the rules and tables that pfctl shows differ from these, in
// plain words. "": they do not.
func (p *pfRules) differs(rules, tables string) string {
	mark := p.mark()
	var have, want []string
	for line := range strings.Lines(rules) {
		label := ""
		if found := pfLabel.FindStringSubmatch(line); found != nil {
			label = found[1]
		}
		if strings.TrimSpace(line) != "" {
			have = append(have, label)
		}
	}
	for i := range p.rules {
		want = append(want, p.label(mark, i))
	}
	names := strings.Fields(tables)
	slices.Sort(names)
	switch {
	case len(have) == 0 && len(want) > 0:
		return "all rules were removed"
	case !slices.Equal(have, want):
		return "the rules were changed"
	case !slices.Equal(names, p.names()):
		return "the tables were changed"
	}
	return ""
}

// pfLeadsToUs says that the main rules, as pfctl shows them, ask ours.
func pfLeadsToUs(main string) bool {
	for line := range strings.Lines(main) {
		if strings.HasPrefix(strings.TrimSpace(line), pfParent) {
			return true
		}
	}
	return false
}

// pfEnabled says that pf is in force, by the first line of its status.
func pfEnabled(info string) bool { return strings.Contains(info, "Status: Enabled") }

var pfTokenText = regexp.MustCompile(`Token : ([0-9]+)`)

// pfToken finds the reference in what pfctl -E prints. "": there is none.
func pfToken(printed string) string {
	if found := pfTokenText.FindStringSubmatch(printed); found != nil {
		return found[1]
	}
	return ""
}

// pfCounts says that a reference, which may have a line's end behind it, is among
// those that pfctl lists.
func pfCounts(references, token string) bool {
	token = strings.TrimSpace(token)
	return token != "" && slices.Contains(strings.Fields(references), token)
}

func texts[T fmt.Stringer](list []T) []string {
	var out []string
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}
