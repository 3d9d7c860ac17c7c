package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"holdfast/service/daemon"
	"holdfast/service/lab"
)

// errNoService says that there is no tunnel of ours to send anything through.
var errNoService = errors.New("no service runs here")

const (
	// piece is what is sent at once, and pieceEvery how often: 320 kB/s, in
	// packets as large as the tunnel takes.
	piece      = 16 << 10
	pieceEvery = 50 * time.Millisecond
	// dialWithin is how long a connection may take to open; then it is tried anew.
	dialWithin = 5 * time.Second
)

// beyond is where the upload goes: an address that every server answers for.
var beyond = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 1}), lab.PortDiscard).String()

// upload sends without end, on one connection after the other, until ctx is done.
func upload(ctx context.Context, through *daemon.Inside) {
	for ctx.Err() == nil {
		c, err := dial(ctx, through)
		if err != nil {
			pause(ctx, pieceEvery)
			continue
		}
		end := context.AfterFunc(ctx, func() { _ = c.Close() })
		for {
			if _, err := c.Write(make([]byte, piece)); err != nil {
				break
			}
			pause(ctx, pieceEvery)
		}
		end()
		_ = c.Close()
	}
}

func dial(ctx context.Context, through *daemon.Inside) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	return through.DialContext(ctx, "tcp", beyond)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
