package agent

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// portTries is how often a free port is looked for that is free on both
// families of addresses.
const portTries = 16

// errNoIPv6 says that the computer has no ::1 to listen on.
var errNoIPv6 = errors.New("no IPv6 on loopback")

// loopback is one port on 127.0.0.1 and, where the computer has it, on ::1.
// There is no way to make one for any other address.
type loopback struct {
	port      int
	listeners []net.Listener
	hosts     []string      // what a request's Host may be
	seats     chan struct{} // one for each connection
	streams   chan struct{} // one for each stream
}

// listenLoopback takes a port on both families: whoever held the other half
// could answer for us under the name localhost. Port 0: any that is free.
func listenLoopback(port int) (*loopback, error) {
	tries := portTries
	if port != 0 {
		tries = 1
	}
	var err error
	for range tries {
		var l *loopback
		if l, err = listenOn(port); err == nil {
			return l, nil
		}
	}
	if port != 0 {
		return nil, fmt.Errorf("listen on port %d of this computer: %w", port, err)
	}
	return nil, fmt.Errorf("find a free port on this computer: %w", err)
}

func listenOn(port int) (*loopback, error) {
	four, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, err
	}
	l := &loopback{listeners: []net.Listener{four}, seats: make(chan struct{}, maxConns), streams: make(chan struct{}, maxStreams)}
	l.port = four.Addr().(*net.TCPAddr).Port
	six, err := listenSix(l.port)
	switch {
	case err == nil:
		l.listeners = append(l.listeners, six)
	case !errors.Is(err, errNoIPv6):
		_ = four.Close()
		return nil, err
	}
	for _, name := range []string{"127.0.0.1", "localhost", "[::1]"} {
		l.hosts = append(l.hosts, fmt.Sprintf("%s:%d", name, l.port))
	}
	return l, nil
}

func listenSix(port int) (net.Listener, error) {
	any6, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback})
	if err != nil {
		return nil, errNoIPv6
	}
	_ = any6.Close()
	return net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback, Port: port})
}

// knowsCallers fails where the system does not tell by isOwn who is at the other
// end of a connection, as one of our own shows.
func (l *loopback) knowsCallers(isOwn func(net.Conn) error) error {
	listener := l.listeners[0]
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return fmt.Errorf("call ourselves: %w", err)
	}
	defer func() { _ = ours.Close() }()
	for {
		c, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("call ourselves: %w", err)
		}
		if c.RemoteAddr().String() == ours.LocalAddr().String() {
			defer func() { _ = c.Close() }()
			return isOwn(c)
		}
		_ = c.Close() // of somebody who came too early
	}
}

// isHost says that a request's Host is ours, to the letter.
func (l *loopback) isHost(host string) bool { return slices.Contains(l.hosts, host) }

// isOrigin says that an Origin is our own page's.
func (l *loopback) isOrigin(origin string) bool {
	const scheme = "http://"
	return len(origin) > len(scheme) && origin[:len(scheme)] == scheme && l.isHost(origin[len(scheme):])
}

func (l *loopback) close() {
	for _, each := range l.listeners {
		_ = each.Close()
	}
}

// isLoopback says that both ends of a connection are on this computer.
func isLoopback(c net.Conn) bool {
	for _, a := range []net.Addr{c.LocalAddr(), c.RemoteAddr()} {
		at, err := netip.ParseAddrPort(a.String())
		if err != nil || !at.Addr().Unmap().IsLoopback() {
			return false
		}
	}
	return true
}
