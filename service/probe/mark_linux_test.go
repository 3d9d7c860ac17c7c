package probe

import (
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// Every socket that asks carries the mark, by UDP and by TCP.
func TestMark(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mark a socket")
	}
	s := startServer(t, func(q dnsmessage.Question, tcp bool) *dnsmessage.Message {
		if !tcp {
			return &dnsmessage.Message{Header: dnsmessage.Header{Truncated: true}}
		}
		return always("203.0.113.9")(q, tcp)
	})
	r := NewResolver(Options{Mark: 0x6866})
	for _, network := range []string{"udp", "tcp"} {
		c, err := r.dialer(s.addr)(t.Context(), network, "192.0.2.1:53")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.RemoteAddr().String(); got != s.addr.String() {
			t.Errorf("%s: asks %s, want %s", network, got, s.addr)
		}
		if got := markOf(t, c); got != 0x6866 {
			t.Errorf("%s: mark %#x", network, got)
		}
		_ = c.Close()
	}
}

func markOf(t *testing.T, c net.Conn) int {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var mark int
	var once sync.Once
	if err := raw.Control(func(fd uintptr) {
		once.Do(func() { mark, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK) })
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return mark
}
