package guard

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lab is a computer to be guarded, with a tunnel hf0, the network behind its
// eth0, and a container for which it forwards.
//
//	container eth0 ── box0 host eth0 ── far0 far
type lab struct {
	host, far, container *space
	// uplink sees what comes out of the host at far; tunnel what goes into hf0.
	uplink, tunnel *capture
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{host: newSpace(t), far: newSpace(t), container: newSpace(t)}
	for _, s := range []*space{l.host, l.far, l.container} {
		s.do(func() {
			var one unix.CPUSet
			one.Set(0) // so that packets arrive in the order in which they were sent
			_ = unix.SchedSetaffinity(0, &one)
		})
		for _, kind := range []string{"all", "default"} {
			s.sysctl("ipv6/conf/"+kind+"/accept_dad", "0")
			s.sysctl("ipv4/conf/"+kind+"/rp_filter", "0")
			s.sysctl("ipv6/conf/"+kind+"/accept_ra", "0")
		}
	}
	l.link(l.host, "eth0", l.far, "far0")
	l.link(l.host, "box0", l.container, "eth0")
	l.link(l.host, "hf0", newSpace(t), "end0")
	for _, a := range []struct {
		s          *space
		link, addr string
	}{
		{l.host, "eth0", "192.168.77.2/24"}, {l.host, "eth0", "2001:db8:77::2/64"},
		{l.far, "far0", "192.168.77.1/24"}, {l.far, "far0", "2001:db8:77::1/64"},
		{l.host, "box0", "172.17.0.1/24"}, {l.host, "box0", "fd17::1/64"},
		{l.container, "eth0", "172.17.0.2/24"}, {l.container, "eth0", "fd17::2/64"},
		{l.host, "hf0", "10.8.0.2/24"}, {l.host, "hf0", "fd00:8::2/64"},
	} {
		a.s.run("ip addr add " + a.addr + " dev " + a.link)
	}
	for _, line := range []string{
		"ip route add default via 192.168.77.1", "ip -6 route add default via 2001:db8:77::1",
		"ip route add 10.99.0.0/16 dev hf0",
		"ip neigh replace 10.99.1.1 lladdr 02:00:00:00:00:01 dev hf0", "ip neigh replace 10.99.1.2 lladdr 02:00:00:00:00:02 dev hf0",
		"ip neigh replace fe80::9 lladdr 02:00:00:00:00:09 dev eth0",
		"ip neigh replace 192.168.77.9 lladdr 02:00:00:00:00:09 dev eth0", "ip neigh replace 10.20.0.9 lladdr 02:00:00:00:00:09 dev eth0",
	} {
		l.host.run(line)
	}
	l.far.run("ip route add default via 192.168.77.2")
	l.far.run("ip -6 route add default via 2001:db8:77::2")
	l.container.run("ip route add default via 172.17.0.1")
	l.container.run("ip -6 route add default via fd17::1")
	l.host.sysctl("ipv4/ip_forward", "1")
	l.host.sysctl("ipv6/conf/all/forwarding", "1")
	l.uplink, l.tunnel = l.far.capture("far0", unix.PACKET_HOST), l.host.capture("hf0", unix.PACKET_OUTGOING)
	return l
}

func (s *space) sysctl(path, value string) {
	s.t.Helper()
	s.do(func() {
		if err := os.WriteFile("/proc/sys/net/"+path, []byte(value), 0o644); err != nil {
			s.t.Error(err)
		}
	})
}

// link joins two namespaces by a pair of interfaces.
func (l *lab) link(a *space, nameA string, b *space, nameB string) {
	t := a.t
	t.Helper()
	var err error
	a.do(func() {
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: nameA}, PeerName: nameB, PeerNamespace: netlink.NsFd(int(b.file.Fd()))}
		err = netlink.LinkAdd(veth)
	})
	if err != nil {
		t.Fatal(err)
	}
	a.run("ip link set " + nameA + " up")
	b.run("ip link set " + nameB + " up")
}

// capture counts what comes by on an interface, beside netfilter.
type capture struct {
	t    testing.TB
	file int

	mu     sync.Mutex
	frames map[string]int
	fence  uint32
}

// capture counts frames on a link, of which it takes the given kind besides
// those for everybody.
func (s *space) capture(link string, kind uint8) *capture {
	s.t.Helper()
	c := &capture{t: s.t, frames: map[string]int{}}
	var err error
	s.do(func() {
		var i *net.Interface
		if i, err = net.InterfaceByName(link); err != nil {
			return
		}
		if c.file, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL))); err != nil {
			return
		}
		_ = unix.SetsockoptInt(c.file, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		_ = unix.SetsockoptTimeval(c.file, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000})
		err = unix.Bind(c.file, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: i.Index})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(ended)
		c.count(kind, stop)
	}()
	s.t.Cleanup(func() {
		close(stop)
		<-ended
		_ = unix.Close(c.file)
	})
	return c
}

func (c *capture) count(kind uint8, stop <-chan struct{}) {
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(c.file, buf, 0)
		if err != nil {
			continue
		}
		ll := from.(*unix.SockaddrLinklayer)
		outgoing := ll.Pkttype == unix.PACKET_OUTGOING
		if outgoing != (kind == unix.PACKET_OUTGOING) || n < 14 {
			continue
		}
		c.mu.Lock()
		if binary.BigEndian.Uint16(buf[12:]) == fenceType {
			c.fence = binary.BigEndian.Uint32(buf[14:])
		} else {
			c.frames[words(buf[:n])]++
		}
		c.mu.Unlock()
	}
}

// seen is how many such frames came by.
func (c *capture) seen(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[what]
}

// fenceType is for local experiments (IEEE 802).
const fenceType = 0x88b5

// settle waits until all is counted that was sent from the link before.
func (c *capture) settle(s *space, link string) {
	c.t.Helper()
	c.mu.Lock()
	next := c.fence + 1
	c.mu.Unlock()
	var err error
	s.do(func() {
		var i *net.Interface
		if i, err = net.InterfaceByName(link); err != nil {
			return
		}
		frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, fenceType >> 8, fenceType & 0xff}, make([]byte, 46)...)
		binary.BigEndian.PutUint32(frame[14:], next)
		var fd int
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		err = unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: i.Index, Halen: 6})
	})
	if err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the fence comes by", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.fence >= next
	})
}

// words says what a frame is, as in "udp 192.0.2.1:53".
func words(frame []byte) string {
	p := frame[14:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		if len(p) < 28 {
			return "arp"
		}
		op := map[uint16]string{1: "asks for", 2: "answers"}[binary.BigEndian.Uint16(p[6:])]
		return fmt.Sprintf("arp %v %s %v", netip.AddrFrom4([4]byte(p[14:18])), op, netip.AddrFrom4([4]byte(p[24:28])))
	case unix.ETH_P_IP:
		if head := int(p[0]&15) * 4; len(p) >= head+8 {
			return transportWords(p[9], netip.AddrFrom4([4]byte(p[16:20])), p[head:])
		}
	case unix.ETH_P_IPV6:
		if len(p) >= 48 {
			return transportWords(p[6], netip.AddrFrom16([16]byte(p[24:40])), p[40:])
		}
	}
	return "?"
}

func transportWords(protocol byte, to netip.Addr, p []byte) string {
	port := netip.AddrPortFrom(to, binary.BigEndian.Uint16(p[2:]))
	switch protocol {
	case unix.IPPROTO_UDP:
		return fmt.Sprintf("udp %v", port)
	case unix.IPPROTO_TCP:
		return fmt.Sprintf("tcp %v", port)
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		return fmt.Sprintf("icmp %d %v", p[0], to)
	}
	return fmt.Sprintf("protocol %d %v", protocol, to)
}

// packet is one to send.
type packet struct {
	kind     string // udp, tcp, icmp, raw, header
	to       string // address, with a port for udp and tcp
	icmpType byte
	icmpCode byte
	mark     int
	uid      int
	device   string
	from     string // "": as the system chooses
}

// words are how a capture calls it.
func (p packet) words() string {
	switch p.kind {
	case "icmp":
		return fmt.Sprintf("icmp %d %s", p.icmpType, p.to)
	case "raw", "header":
		return fmt.Sprintf("protocol %d %s", rawProtocol, p.to)
	}
	return p.kind + " " + p.to
}

// rawProtocol is for experiments (RFC 3692).
const rawProtocol = 253

func (p packet) address() netip.AddrPort {
	if a, err := netip.ParseAddrPort(p.to); err == nil {
		return a
	}
	return netip.AddrPortFrom(netip.MustParseAddr(p.to), 0)
}

// send sends it once, in the namespace of the calling thread. The error is of
// the last call: that of sending.
func (p packet) send() error {
	to := p.address()
	v6 := to.Addr().Is6()
	family := unix.AF_INET
	if v6 {
		family = unix.AF_INET6
	}
	kind, protocol := unix.SOCK_RAW, 0
	payload := make([]byte, 32)
	switch p.kind {
	case "udp":
		kind = unix.SOCK_DGRAM
	case "tcp":
		kind = unix.SOCK_STREAM
	case "icmp":
		payload[0], payload[1] = p.icmpType, p.icmpCode
		binary.BigEndian.PutUint16(payload[2:], ^(uint16(p.icmpType)<<8 | uint16(p.icmpCode))) // that of IPv6 is the kernel's
		if protocol = unix.IPPROTO_ICMP; v6 {
			protocol = unix.IPPROTO_ICMPV6
		}
	case "raw":
		protocol = rawProtocol
	case "header":
		protocol = unix.IPPROTO_RAW
		payload = p.header(payload)
	}
	if p.uid != 0 {
		old, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, uintptr(p.uid), 0, 0)
		defer unix.RawSyscall(unix.SYS_SETFSUID, old, 0, 0)
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := p.options(fd, v6); err != nil {
		return err
	}
	if p.kind == "tcp" {
		err := unix.Connect(fd, sockaddr(to))
		if err == unix.EINPROGRESS {
			return nil
		}
		return err
	}
	if p.kind != "udp" {
		to = netip.AddrPortFrom(to.Addr(), 0)
	}
	return unix.Sendto(fd, payload, 0, sockaddr(to))
}

func (p packet) options(fd int, v6 bool) error {
	if p.mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, p.mark); err != nil {
			return err
		}
	}
	if p.device != "" {
		if err := unix.BindToDevice(fd, p.device); err != nil {
			return err
		}
	}
	if p.kind == "udp" && !v6 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
			return err
		}
	}
	if p.kind == "icmp" && v6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 255); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
			return err
		}
	}
	if p.from == "" {
		return nil
	}
	from, err := netip.ParseAddrPort(p.from)
	if err != nil {
		return err
	}
	return unix.Bind(fd, sockaddr(from))
}

// header is a packet with an IPv4 header of its own.
func (p packet) header(payload []byte) []byte {
	b := make([]byte, 20)
	b[0], b[8], b[9] = 0x45, 64, rawProtocol
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	copy(b[16:], p.address().Addr().AsSlice())
	return append(b, payload...)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

func htons(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// burst is how often each packet is sent.
const burst = 3

// passes sends a packet from a namespace and says how many of it came to far.
func (l *lab) passes(from *space, p packet) (seen int, err error) {
	l.host.t.Helper()
	before := l.uplink.seen(p.words())
	from.do(func() {
		for range burst {
			if e := p.send(); e != nil {
				err = e
			}
		}
	})
	l.uplink.settle(l.host, "eth0")
	return l.uplink.seen(p.words()) - before, err
}

// flood sends packets without end.
type flood struct {
	lab  *lab
	stop chan struct{}
	// ended gives how often each was sent, be it refused or not.
	ended chan []int
	what  []packet
	seen  []int // before it began
}

// flood sends each packet up to ten thousand times a second from the host, on
// whichever processor there is.
func (l *lab) flood(what ...packet) *flood {
	f := &flood{lab: l, stop: make(chan struct{}), ended: make(chan []int, 1), what: what}
	for _, p := range what {
		f.seen = append(f.seen, l.uplink.seen(p.words()))
	}
	l.host.beside(func(err error) {
		sent := make([]int, len(what))
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for err == nil {
			for i := range what {
				for range 10 {
					_ = what[i].send()
					sent[i]++
				}
			}
			select {
			case <-f.stop:
				f.ended <- sent
				return
			case <-tick.C:
			}
		}
		f.ended <- sent
	})
	return f
}

// end ends it, and says how often each packet was sent and how often it came.
func (f *flood) end() (sent, came []int) {
	f.lab.host.t.Helper()
	close(f.stop)
	sent = <-f.ended
	f.lab.uplink.settle(f.lab.host, "eth0")
	for i, p := range f.what {
		came = append(came, f.lab.uplink.seen(p.words())-f.seen[i])
	}
	return sent, came
}
