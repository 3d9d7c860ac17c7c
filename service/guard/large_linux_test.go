package guard

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestTooLarge sends from a container what the tunnel cannot take whole. The
// kernel's answer, by which the container learns of it, reaches it though its
// network is kept in: else every large transfer of a container hangs.
func TestTooLarge(t *testing.T) {
	l := newLab(t)
	g := l.host.guard()
	heard := l.container.capture("eth0", unix.PACKET_HOST)
	l.host.run("ip link set hf0 mtu 1280")
	l.host.run("ip route add fd00:99::/64 dev hf0")
	l.host.sysctl("ipv4/icmp_ratelimit", "0")
	l.host.sysctl("ipv6/icmp/ratemask", "")
	for _, s := range states {
		l.host.set(g, s.set)
		for _, c := range []struct{ to, answer string }{
			{"10.99.1.2:9", "icmp 3 172.17.0.2"},
			{"[fd00:99::1]:9", "icmp 2 fd17::2"},
		} {
			before := heard.seen(c.answer)
			l.container.run("ip route flush cache")
			l.container.run("ip -6 route flush cache")
			l.container.do(func() {
				if err := sendLarge(c.to); err != nil {
					t.Error(err)
				}
			})
			heard.settle(l.host, "box0")
			if heard.seen(c.answer) == before {
				t.Errorf("%s: the container does not learn that what it sends to %s is too large", s.name, c.to)
			}
		}
		// Nobody else says so.
		forged := packet{kind: "icmp", icmpType: 3, icmpCode: 4, to: "192.168.77.9"}
		l.expect(t, s.name, "a program's word for it", l.host, forged, lanToo)
	}
}

// sendLarge sends 1,400 bytes that must not be taken apart.
func sendLarge(to string) error {
	p := packet{to: to}
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER
	if p.address().Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, level, option, unix.IP_PMTUDISC_PROBE); err != nil {
		return err
	}
	return unix.Sendto(fd, make([]byte, 1400), 0, sockaddr(p.address()))
}
