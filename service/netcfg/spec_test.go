package netcfg

import (
	"net/netip"
	"testing"
)

const testMark = 0x6866

var everything = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

func prefixes(words ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w))
	}
	return out
}

func addrs(words ...string) []netip.Addr {
	var out []netip.Addr
	for _, w := range words {
		out = append(out, netip.MustParseAddr(w))
	}
	return out
}

func fullTunnel() Spec {
	return Spec{
		Interface: "hf0", MTU: 1420, Mark: testMark,
		Addresses: prefixes("10.8.0.2/24", "fd00:8::2/64"),
		Routes:    prefixes("0.0.0.0/0", "::/0"),
	}
}

func splitTunnel() Spec {
	return Spec{
		Interface: "hf0", MTU: 1380,
		Addresses: prefixes("10.8.0.2/24", "fd00:8::2/64"),
		Routes:    prefixes("10.8.0.0/24", "10.20.0.0/16", "fd00:20::/48"),
	}
}

// closed is a Spec that fails closed.
func closed(s Spec, carry []netip.Prefix) Spec {
	s.FailClosed, s.Carry = true, carry
	if s.Mark == 0 {
		s.Mark = testMark
	}
	return s
}

func TestValidate(t *testing.T) {
	bad := map[string]func(*Spec){
		"no name":            func(s *Spec) { s.Interface = "" },
		"a path for a name":  func(s *Spec) { s.Interface = "../x" },
		"dots":               func(s *Spec) { s.Interface = ".." },
		"all":                func(s *Spec) { s.Interface = "all" },
		"tiny mtu":           func(s *Spec) { s.MTU = 100 },
		"mtu below IPv6's":   func(s *Spec) { s.MTU = 1200 },
		"no mark":            func(s *Spec) { s.Mark = 0 },
		"no address":         func(s *Spec) { s.Addresses = []netip.Prefix{{}} },
		"no route":           func(s *Spec) { s.Routes = []netip.Prefix{{}} },
		"mapped address":     func(s *Spec) { s.Addresses = prefixes("::ffff:10.0.0.1/128") },
		"unspecified server": func(s *Spec) { s.DNS = addrs("0.0.0.0") },
		"a line for domain":  func(s *Spec) { s.Search = []string{"a\nnameserver 6.6.6.6"} },
	}
	for name, spoil := range bad {
		t.Run(name, func(t *testing.T) {
			s := fullTunnel()
			if err := s.Validate(); err != nil {
				t.Fatal("a good one is refused:", err)
			}
			spoil(&s)
			if err := s.Validate(); err == nil {
				t.Errorf("%+v is allowed", s)
			}
		})
	}
}

func withDNS(s Spec, servers ...string) Spec {
	s.DNS, s.Search = addrs(servers...), []string{"example.com"}
	return s
}
