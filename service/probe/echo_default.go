//go:build !windows

package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// echo asks a host for an echo outside the tunnel, up to three times, and
// returns how long the answer took. A host that does not answer fails with a
// timeout.
func (o *Outside) echo(ctx context.Context, to netip.Addr) (time.Duration, error) {
	to = to.Unmap()
	c, release, err := o.dialEcho(ctx, to)
	if err != nil {
		return 0, fmt.Errorf("open echo socket: %w", err)
	}
	defer release()
	return echoOver(c, to)
}

// echoOver asks over a socket that is connected to the host.
func echoOver(c net.Conn, to netip.Addr) (time.Duration, error) {
	from, ok := c.(net.PacketConn)
	if !ok {
		return 0, fmt.Errorf("read echo: %w", errors.ErrUnsupported)
	}
	payload := make([]byte, 16)
	_, _ = rand.Read(payload) // it never fails
	ask, answer, protocol := icmp.Type(ipv4.ICMPTypeEcho), icmp.Type(ipv4.ICMPTypeEchoReply), 1
	if to.Is6() {
		ask, answer, protocol = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	in := make([]byte, 1500)
	for i := range tries {
		m := icmp.Message{Type: ask, Body: &icmp.Echo{ID: int(payload[0])<<8 | int(payload[1]), Seq: i + 1, Data: payload}}
		out, err := m.Marshal(nil)
		if err != nil {
			return 0, fmt.Errorf("make echo: %w", err)
		}
		start := time.Now()
		if _, err := c.Write(out); err != nil {
			return 0, fmt.Errorf("send echo: %w", err)
		}
		_ = c.SetReadDeadline(start.Add(tryEvery))
		for {
			n, _, err := from.ReadFrom(in)
			if isTimeout(err) {
				break
			}
			if err != nil {
				return 0, fmt.Errorf("read echo: %w", err)
			}
			got, err := icmp.ParseMessage(protocol, in[:n])
			if err != nil || got.Type != answer {
				continue
			}
			// A socket of ours may see the answers to others' echoes too.
			if body, ok := got.Body.(*icmp.Echo); ok && bytes.Equal(body.Data, payload) {
				return time.Since(start), nil
			}
		}
	}
	return 0, fmt.Errorf("read echo: %w", context.DeadlineExceeded)
}

// dialEcho opens a socket for echoes to one host: a raw one, or where that is
// not allowed the one that the system may have for everybody.
func (o *Outside) dialEcho(ctx context.Context, to netip.Addr) (net.Conn, func(), error) {
	network := "ip4:icmp"
	if to.Is6() {
		network = "ip6:ipv6-icmp"
	}
	at := netip.AddrPortFrom(to, 0)
	c, release, err := o.dial(ctx, network, at)
	if err == nil || isEnded(err) {
		return c, release, err
	}
	c, release, plain := o.open(ctx, "icmp", at, func() (net.Conn, error) { return openPing(to, o.Mark) })
	if plain != nil {
		return nil, nil, err
	}
	return c, release, nil
}
