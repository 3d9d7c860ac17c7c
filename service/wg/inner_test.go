package wg

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// ipv4 wraps b in an IPv4 header with this many bytes of options.
func ipv4(proto uint8, src, dst netip.Addr, options int, b []byte) []byte {
	head := 20 + options
	p := make([]byte, head, head+len(b))
	p[0], p[8], p[9] = 0x40|byte(head/4), 64, proto
	binary.BigEndian.PutUint16(p[2:], uint16(head+len(b)))
	copy(p[12:], src.AsSlice())
	copy(p[16:], dst.AsSlice())
	return append(p, b...)
}

func ipv6(proto uint8, src, dst netip.Addr, b []byte) []byte {
	p := make([]byte, 40, 40+len(b))
	p[0], p[6], p[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(p[4:], uint16(len(b)))
	copy(p[8:], src.AsSlice())
	copy(p[24:], dst.AsSlice())
	return append(p, b...)
}

func icmpEcho(kind uint8, id, seq uint16) []byte {
	b := make([]byte, 16)
	b[0] = kind
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	binary.BigEndian.PutUint16(b[2:], checksum(0, b))
	return b
}

func udpPacket(src, dst uint16, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	return append(b, payload...)
}

func dnsMessage(id uint16, reply bool) []byte {
	b := make([]byte, 17)
	binary.BigEndian.PutUint16(b, id)
	if reply {
		b[2] = 0x80
	}
	return b
}

func tcpPacket(src, dst uint16, seq, ack uint32, flags uint8, payload int) []byte {
	b := make([]byte, 20+payload)
	binary.BigEndian.PutUint16(b, src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint32(b[4:], seq)
	binary.BigEndian.PutUint32(b[8:], ack)
	b[12], b[13] = 5<<4, flags
	return b
}

func TestParse(t *testing.T) {
	a, b := clientAddr, serverAddr
	a6, b6 := netip.MustParseAddr("fd00::2"), netip.MustParseAddr("fd00::1")
	fragment := ipv4(protoTCP, a, b, 0, tcpPacket(1, 2, 0, 0, flagACK, 100))
	fragment[7] = 5
	for _, tt := range []struct {
		name         string
		packet       []byte
		from         bool
		want         kind
		wants, first bool
	}{
		{"echo request", ipv4(protoICMP, a, b, 0, icmpEcho(8, 1, 2)), false, echoRequest, true, true},
		{"echo request, options", ipv4(protoICMP, a, b, 8, icmpEcho(8, 1, 2)), false, echoRequest, true, true},
		{"echo reply", ipv4(protoICMP, b, a, 0, icmpEcho(0, 1, 2)), true, echoReply, false, false},
		{"unreachable", ipv4(protoICMP, b, a, 0, icmpEcho(3, 1, 2)), true, undelivered, false, false},
		{"echo request, IPv6", ipv6(protoICMPv6, a6, b6, icmpEcho(128, 1, 2)), false, echoRequest, true, true},
		{"echo reply, IPv6", ipv6(protoICMPv6, b6, a6, icmpEcho(129, 1, 2)), true, echoReply, false, false},
		{"ICMPv4 in IPv6", ipv6(protoICMP, b6, a6, icmpEcho(8, 1, 2)), true, other, false, false},
		{"DNS query", ipv4(protoUDP, a, b, 0, udpPacket(999, 53, dnsMessage(7, false))), false, dnsQuery, true, true},
		{"DNS query that came", ipv4(protoUDP, a, b, 0, udpPacket(999, 53, dnsMessage(7, false))), true, other, false, false},
		{"DNS reply", ipv6(protoUDP, b6, a6, udpPacket(53, 999, dnsMessage(7, true))), true, dnsReply, false, false},
		{"short DNS", ipv4(protoUDP, a, b, 0, udpPacket(999, 53, []byte{1, 2})), false, other, false, false},
		{"QUIC initial", ipv4(protoUDP, a, b, 0, udpPacket(999, 443, []byte{0xc3, 0})), false, quicInitial, true, true},
		{"QUIC data", ipv4(protoUDP, a, b, 0, udpPacket(999, 443, []byte{0x43, 0})), false, other, false, false},
		{"SYN", ipv4(protoTCP, a, b, 0, tcpPacket(999, 80, 1, 0, flagSYN, 0)), false, tcpSegment, true, true},
		{"TCP data", ipv4(protoTCP, a, b, 4, tcpPacket(999, 80, 1, 0, flagACK, 9)), false, tcpSegment, true, false},
		{"TCP acknowledgement", ipv6(protoTCP, a6, b6, tcpPacket(999, 80, 1, 0, flagACK, 0)), false, tcpSegment, false, false},
		{"later fragment", fragment, false, other, false, false},
		{"nothing", nil, false, other, false, false},
		{"other version", []byte("some text which is no packet at all"), false, other, false, false},
		{"other protocol", ipv4(253, a, b, 0, make([]byte, 30)), false, other, false, false},
	} {
		var in inner
		in.parse(tt.packet, tt.from)
		if in.kind != tt.want || in.wantsAnswer() != tt.wants || in.begins() != tt.first {
			t.Errorf("%s: got kind %d, wants answer %v, begins %v", tt.name, in.kind, in.wantsAnswer(), in.begins())
		}
		for cut := range tt.packet {
			in.parse(tt.packet[:cut], tt.from)
			if in.kind != other {
				t.Errorf("%s, cut to %d bytes: got kind %d", tt.name, cut, in.kind)
			}
		}
	}
}

func TestEchoesThatWereNotDelivered(t *testing.T) {
	e := newEchoes()
	for _, tt := range []struct {
		addr string
		wrap func(b []byte) []byte
	}{
		{"10.9.0.5", func(b []byte) []byte {
			return ipv4(protoICMP, serverAddr, clientAddr, 0, append([]byte{3, 1, 6: 0, 7: 0}, b...))
		}},
		{"fd00:9::5", func(b []byte) []byte {
			own := netip.MustParseAddr("fd00:8::2")
			return ipv6(protoICMPv6, own.Prev(), own, append([]byte{1, 0, 6: 0, 7: 0}, b...))
		}},
	} {
		dst := netip.MustParseAddr(tt.addr)
		ours := e.build(dst.Prev(), dst, echoSize, stamp{number: 1, at: 1})
		foreign := newEchoes().build(dst.Prev(), dst, echoSize, stamp{number: 1, at: 1})
		head := len(ours) - echoSize + 20
		if dst.Is6() {
			head = 40
		}
		for _, c := range []struct {
			name   string
			quoted []byte
			want   bool
		}{
			{"all of it", ours, true}, {"the least", ours[:head+8], true},
			{"another's", foreign, false}, {"too little", ours[:head+7], false}, {"no header", ours[:9], false}, {"nothing", nil, false},
		} {
			p := tt.wrap(c.quoted)
			var in inner
			if in.parse(p, true); in.kind != undelivered {
				t.Fatalf("%s, %s: got kind %d", tt.addr, c.name, in.kind)
			}
			if got := e.quotesOurs(&in, p); got != c.want {
				t.Errorf("%s, %s is quoted: got %v", tt.addr, c.name, got)
			}
		}
	}
}

func TestBothDirectionsHaveOneKey(t *testing.T) {
	a6, b6 := netip.MustParseAddr("fd00::2"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct{ out, back []byte }{
		{ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(999, 80, 1, 2, flagACK, 3)), ipv4(protoTCP, serverAddr, clientAddr, 4, tcpPacket(80, 999, 1, 2, flagACK, 0))},
		{ipv6(protoTCP, a6, b6, tcpPacket(999, 80, 1, 2, flagACK, 3)), ipv6(protoTCP, b6, a6, tcpPacket(80, 999, 1, 2, flagACK, 0))},
		{ipv6(protoICMPv6, a6, b6, icmpEcho(128, 1, 2)), ipv6(protoICMPv6, b6, a6, icmpEcho(129, 1, 2))},
		{ipv4(protoUDP, clientAddr, serverAddr, 0, udpPacket(9, 53, dnsMessage(3, false))), ipv4(protoUDP, serverAddr, clientAddr, 0, udpPacket(53, 9, dnsMessage(3, true)))},
	} {
		var out, back inner
		out.parse(tt.out, false)
		back.parse(tt.back, true)
		if out.flowKey(tt.out, false) != back.flowKey(tt.back, true) {
			t.Errorf("got %x and %x", out.flowKey(tt.out, false), back.flowKey(tt.back, true))
		}
		if out.kind != tcpSegment && requestKey(&out, tt.out, false) != requestKey(&back, tt.back, true) {
			t.Error("a request and its reply have different keys")
		}
	}
}

// FuzzParse gives every path that reads packets anything at all.
func FuzzParse(f *testing.F) {
	f.Add(ipv4(protoICMP, clientAddr, serverAddr, 8, icmpEcho(8, 1, 2)), true)
	f.Add(ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(999, 80, 1, 0, flagSYN, 0)), false)
	f.Add(ipv6(protoUDP, netip.MustParseAddr("fd00::2"), netip.MustParseAddr("fd00::1"), udpPacket(999, 53, dnsMessage(7, false))), false)
	s, _ := newTestSwitch(f, newScripted())
	p := s.addPort()
	ours := p.echoes.build(clientAddr, serverAddr, echoSize, stamp{number: 1, at: 1})
	f.Add(ours, true)
	f.Fuzz(func(t *testing.T, b []byte, from bool) {
		if from {
			p.look([][]byte{b}, 0, sinceBegan())
			return
		}
		p.traffic.leave([][]byte{b}, []int{len(b)}, 0, 0)
	})
}

func TestEchoesAreSound(t *testing.T) {
	e := newEchoes()
	want := stamp{number: 1 << 20, purpose: ofCall, slot: 3, at: 1 << 40}
	for _, addr := range []string{"10.0.0.9", "fd00::9"} {
		dst := netip.MustParseAddr(addr)
		p := e.build(dst.Prev(), dst, 1280, want)
		var in inner
		in.parse(p, false)
		if in.kind != echoRequest || in.size != 1280 || len(p) != 1280 {
			t.Fatalf("%s: got kind %d, size %d", addr, in.kind, in.size)
		}
		if got, ours := e.isOurs(&in, p); !ours || got != want {
			t.Errorf("%s: got %+v, %v", addr, got, ours)
		}
		if _, ours := newEchoes().isOurs(&in, p); ours {
			t.Errorf("%s: an echo of another port passes for ours", addr)
		}
		// A sum over what has its own checksum in it is zero.
		sum := uint32(0)
		if !dst.Is4() {
			sum = uint32(^checksum(0, p[8:40])) + 1240 + protoICMPv6
		} else if got := checksum(0, p[:20]); got != 0 {
			t.Errorf("the header's checksum is wrong: %x", got)
		}
		if got := checksum(sum, p[in.body-8:]); got != 0 {
			t.Errorf("%s: the checksum is wrong: %x", addr, got)
		}
	}
}
