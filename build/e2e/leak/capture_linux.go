package leak

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// snap is how much of a frame is looked at: enough for a mark within any header.
	snap = 2048
	// waiting is how many bytes may wait for a capture: some seconds of a flood.
	waiting = 128 << 20
)

// Capture sees every frame that arrives at the interfaces of one namespace.
type Capture struct {
	fd     int
	see    func(ifindex int, p Packet)
	ending atomic.Bool
	done   sync.WaitGroup
}

// Listen begins to capture in the network namespace of the calling thread, at
// interfaces that come later too. see is called for each frame, by one
// goroutine; it must not keep the payload.
func Listen(see func(ifindex int, p Packet)) (*Capture, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open capture: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, waiting),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		// A read ends now and then, to see whether it is over.
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: swap16(unix.ETH_P_ALL)}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("set up capture: %w", err)
	}
	c := &Capture{fd: fd, see: see}
	c.done.Go(c.read)
	return c, nil
}

func (c *Capture) read() {
	b := make([]byte, snap)
	for !c.ending.Load() {
		n, from, err := unix.Recvfrom(c.fd, b, 0)
		if err != nil {
			continue // nothing came, or an interface went down
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok {
			c.see(ll.Ifindex, Parse(swap16(ll.Protocol), b[:n]))
		}
	}
}

// Lost is how many frames came and could not be looked at since it was last
// asked. What a capture proves is worth nothing unless it is 0.
func (c *Capture) Lost() (int, error) {
	s, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, fmt.Errorf("read capture's statistics: %w", err)
	}
	return int(s.Drops), nil
}

// Close ends the capture, once the frame that is being looked at is done.
func (c *Capture) Close() {
	c.ending.Store(true)
	c.done.Wait()
	_ = unix.Close(c.fd)
}

// swap16 turns a number from the order of bytes of the network to ours, or back.
func swap16(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}
