package guard

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pfModel is pf, as far as our rules need it: it reads the text that is loaded.
type pfModel struct {
	tables map[string][]netip.Prefix
	rules  [][]string
}

var pfTable = regexp.MustCompile(`^table <(\w+)> const \{ (.*) \}$`)

func newPFModel(t interface{ Fatalf(string, ...any) }, text string) *pfModel {
	m := &pfModel{tables: map[string][]netip.Prefix{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		found := pfTable.FindStringSubmatch(line)
		if found == nil {
			m.rules = append(m.rules, strings.Fields(line))
			continue
		}
		if len(m.rules) > 0 {
			t.Fatalf("%s: tables come before rules", line)
		}
		for member := range strings.SplitSeq(found[2], ", ") {
			p, err := netip.ParsePrefix(member)
			if err != nil {
				a := netip.MustParseAddr(member)
				p = netip.PrefixFrom(a, a.BitLen())
			}
			m.tables[found[1]] = append(m.tables[found[1]], p)
		}
	}
	return m
}

// pfPacket is a packet at an interface, which pf asks for there.
type pfPacket struct {
	in    bool
	iface string
	traffic
}

// lets is the answer of the first rule that matches: all of ours are quick.
func (m *pfModel) lets(x pfPacket) bool {
	for _, r := range m.rules {
		if m.matches(r, x) {
			return r[0] == "pass"
		}
	}
	return true
}

func (m *pfModel) matches(rule []string, x pfPacket) bool {
	next := func() string {
		w := rule[0]
		rule = rule[1:]
		return w
	}
	ok := true
	stateless, quick, side := next() == "block", false, ""
	port := x.sport
	for len(rule) > 0 {
		switch w := next(); w {
		case "drop", "all":
		case "quick":
			quick = true
		case "in", "out":
			ok = x.in == (w == "in") && ok
		case "on":
			ok = next() == x.iface && ok
		case "inet", "inet6":
			ok = x.dst.Is6() == (w == "inet6") && ok
		case "proto":
			ok = map[string]byte{"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58}[next()] == x.protocol && ok
		case "from", "to":
			side, port = w, x.sport
			if side == "to" {
				port = x.dport
			}
			ok = m.holds(next(), map[string]netip.Addr{"from": x.src, "to": x.dst}[side]) && ok
		case "port":
			ok = next() == strconv.Itoa(int(port)) && (x.protocol == 6 || x.protocol == 17) && ok
		case "icmp-type", "icmp6-type":
			ok = next() == strconv.Itoa(int(x.kind)) && ok
		case "user":
			ok = next() == map[bool]string{true: "0", false: "501"}[x.ours] && ok
		case "no":
			stateless = next() == "state"
		case "label":
			rule = nil
		default:
			panic("a word that the model does not know: " + w)
		}
	}
	if !stateless || !quick {
		panic("a rule that keeps state, or does not decide")
	}
	return ok
}

func (m *pfModel) holds(hosts string, a netip.Addr) bool {
	switch {
	case hosts == "any":
		return true
	case strings.HasPrefix(hosts, "<"):
		list, ok := m.tables[strings.Trim(hosts, "<>")]
		if !ok {
			panic("there is no table " + hosts)
		}
		return within(a, list)
	}
	return netip.MustParseAddr(hosts) == a
}

// pfLets asks for a packet wherever it comes by.
func pfLets(m *pfModel, x traffic) bool {
	name := func(tunnel bool) string {
		switch {
		case x.loopback:
			return "lo0"
		case tunnel:
			return "utun7"
		}
		return "en0"
	}
	if x.way != leaves && !m.lets(pfPacket{true, name(x.from), x}) {
		return false
	}
	return x.way == arrives || m.lets(pfPacket{false, name(x.into), x})
}

// TestRulesDecideAsMeant compares the text that pf is given with the oracle.
func TestRulesDecideAsMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeant(t)
		rules := pfWrite(m, "utun7", 0)
		model := newPFModel(t, rules.text())
		for range packets {
			x := drawTraffic(t)
			want := darwinSystem.lets(m, x)
			if x.way == forwards { // it arrives, too
				before := x
				before.way, before.into, before.loopback = arrives, false, false
				want = want && darwinSystem.lets(m, before)
			}
			if got := pfLets(model, x); got != want {
				t.Fatalf("%+v: passes %v, want %v, by\n%s", x, got, want, rules.text())
			}
		}
	})
}

// TestRulesAreKnownAgain has rules differ from all others, and from none of themselves.
func TestRulesAreKnownAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := pfWrite(drawMeant(t), "utun7", 0), pfWrite(drawMeant(t), "utun7", 0)
		shown := strings.ReplaceAll(a.text(), "quick", "quick  ") // as pfctl may write it
		shown = regexp.MustCompile(`(?m)^table.*\n`).ReplaceAllString(shown, "")
		names := strings.Join(a.names(), "\n")
		if what := a.differs(shown, names); what != "" {
			t.Fatalf("%s:\n%s", what, a.text())
		}
		if same := a.text() == b.text(); same != (b.differs(shown, names) == "") {
			t.Fatalf("same: %v, and\n%sis taken for\n%s", same, shown, b.text())
		}
		if len(a.rules) == 0 {
			return
		}
		lines := strings.SplitAfter(strings.TrimSuffix(shown, "\n"), "\n")
		gone := rapid.IntRange(0, len(lines)-1).Draw(t, "gone")
		if a.differs(strings.Join(slices.Delete(slices.Clone(lines), gone, gone+1), ""), names) == "" {
			t.Fatalf("rule %d is not missed in\n%s", gone, shown)
		}
		if a.differs("pass quick all\n"+shown, names) == "" {
			t.Fatal("a rule more is not seen")
		}
		if a.differs(shown, names+"\nmore") == "" {
			t.Fatal("a table more is not seen")
		}
	})
}

func TestWhatPfctlSays(t *testing.T) {
	if !pfEnabled("Status: Enabled for 0 days 00:01:12           Debug: Urgent\n") || pfEnabled("Status: Disabled                              Debug: Urgent\n") {
		t.Error("whether pf is enabled is not known")
	}
	if got := pfToken("pf enabled\nToken : 15613470203438211\n"); got != "15613470203438211" {
		t.Errorf("token %q", got)
	}
	if got := pfToken("pf already enabled\n"); got != "" {
		t.Errorf("token %q where there is none", got)
	}
	if !pfLeadsToUs("scrub-anchor \"com.apple/*\" all fragment reassemble\nanchor \"com.apple/*\" all\n") ||
		pfLeadsToUs("scrub-anchor \"com.apple/*\" all fragment reassemble\npass all\n") {
		t.Error("whether the main rules ask ours is not known")
	}
}

// A reference counts that pfctl lists, and no part of one does.
func TestPFCounts(t *testing.T) {
	const list = "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n" +
		"411      socketfilterfw               15613470203430000        1 days 02:00:01\n" +
		"977      pfctl                        15613470203438211        0 days 00:00:05\n"
	for token, want := range map[string]bool{
		"15613470203438211\n": true, "15613470203438211": true, "1561347020343821": false, "2\n": false, "": false, "\n": false,
	} {
		if got := pfCounts(list, token); got != want {
			t.Errorf("%q: got %v", token, got)
		}
	}
}
