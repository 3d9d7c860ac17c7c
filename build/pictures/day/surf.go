package main

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"holdfast/service/lab"
)

// beat is how often a stream of surf carries something.
const beat = 100 * time.Millisecond

// surf carries as much down and up a tunnel as somebody who reads, looks at
// pictures and sends some, until ctx is done.
func surf(ctx context.Context, into lab.Network) {
	rnd := rand.New(rand.NewPCG(3, 4))
	began, tick := time.Now(), time.NewTicker(beat)
	defer tick.Stop()
	var down, up net.Conn
	page := 0.0 // bytes a beat that what is looked at still needs
	for ctx.Err() == nil {
		if down == nil || up == nil {
			down, up = dial(ctx, into, lab.PortStream), dial(ctx, into, lab.PortDiscard)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if page *= 0.93; rnd.Float64() < 0.02 {
			page += 60_000 * math.Exp(rnd.NormFloat64()*0.7)
		}
		calm := 9_000 * (1.3 + math.Sin(time.Since(began).Seconds()/23)) // such as music
		if !carry(down, up, int64(page+calm), int64((page+calm)/7)) {
			down, up = nil, nil
		}
	}
}

// dial opens a connection to one of the lab's services; nil: the tunnel is not
// up yet.
func dial(ctx context.Context, into lab.Network, port int) net.Conn {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := into.DialContext(ctx, "tcp", net.JoinHostPort("198.51.100.1", strconv.Itoa(port)))
	if err != nil {
		return nil
	}
	return c
}

// carry reads and writes so many bytes; false: a connection is broken.
func carry(down, up net.Conn, read, write int64) bool {
	if down == nil || up == nil {
		return false
	}
	limit := time.Now().Add(5 * time.Second)
	_, errDown := io.CopyN(io.Discard, deadline(down, limit), read)
	_, errUp := deadline(up, limit).Write(make([]byte, write))
	if errDown == nil && errUp == nil {
		return true
	}
	_, _ = down.Close(), up.Close()
	return false
}

func deadline(c net.Conn, at time.Time) net.Conn {
	_ = c.SetDeadline(at)
	return c
}
