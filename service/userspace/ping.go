package userspace

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// echoBody is how many random bytes an echo request carries; the reply must
// repeat them.
const echoBody = 16

// Ping sends one echo request through the interface and waits for its reply.
// It returns the round trip's time, or ctx's error when no reply came.
func (i *Interface) Ping(ctx context.Context, addr netip.Addr) (time.Duration, error) {
	return i.PingSized(ctx, addr, echoBody)
}

// PingSized is Ping with this many bytes in the echo, 16 at least, to find out
// which sizes pass.
func (i *Interface) PingSized(ctx context.Context, addr netip.Addr, size int) (time.Duration, error) {
	addr = addr.Unmap()
	transport, replyType := icmp.ProtocolNumber4, byte(header.ICMPv4EchoReply)
	request := make([]byte, header.ICMPv4MinimumSize+max(size, echoBody))
	request[0] = byte(header.ICMPv4Echo)
	if addr.Is6() {
		transport, replyType = icmp.ProtocolNumber6, byte(header.ICMPv6EchoReply)
		request[0] = byte(header.ICMPv6EchoRequest)
	}
	body := request[header.ICMPv4MinimumSize:]
	_, _ = rand.Read(body) // never fails

	var queue waiter.Queue
	ep, terr := i.stack.NewEndpoint(transport, protocolOf(addr), &queue)
	if terr != nil {
		return 0, fmt.Errorf("ping %s: %s", addr, terr)
	}
	defer ep.Close()
	entry, arrived := waiter.NewChannelEntry(waiter.EventIn | waiter.EventErr | waiter.EventHUp)
	queue.EventRegister(&entry)
	defer queue.EventUnregister(&entry)
	to, _ := fullAddr(netip.AddrPortFrom(addr, 0))
	if terr := ep.Connect(to); terr != nil {
		return 0, fmt.Errorf("ping %s: %s", addr, terr)
	}
	sentAt := time.Now()
	if _, terr := ep.Write(bytes.NewReader(request), tcpip.WriteOptions{}); terr != nil {
		return 0, fmt.Errorf("ping %s: %s", addr, terr)
	}
	for {
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("ping %s: %w", addr, ctx.Err())
		case <-arrived:
		}
		got, err := readReply(ep, replyType, body)
		if err != nil {
			return 0, fmt.Errorf("ping %s: %w", addr, err)
		}
		if got {
			return time.Since(sentAt), nil
		}
	}
}

// readReply reads what has arrived and looks for the reply with body.
func readReply(ep tcpip.Endpoint, replyType byte, body []byte) (bool, error) {
	for {
		var got bytes.Buffer
		_, err := ep.Read(&got, tcpip.ReadOptions{})
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			return false, nil
		default:
			return false, fmt.Errorf("%s", err)
		}
		msg := got.Bytes()
		if len(msg) >= header.ICMPv4MinimumSize && msg[0] == replyType && bytes.Equal(msg[header.ICMPv4MinimumSize:], body) {
			return true, nil
		}
	}
}
