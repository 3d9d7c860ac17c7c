package wg

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

// narrow is a bind that loses what is larger than most.
type narrow struct {
	conn.Bind
	most *atomic.Int64
}

func (n narrow) Send(bufs [][]byte, ep conn.Endpoint) error {
	for _, b := range bufs {
		if int64(len(b)) <= n.most.Load() {
			if err := n.Bind.Send([][]byte{b}, ep); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestWidest(t *testing.T) {
	t.Parallel()
	var most atomic.Int64
	most.Store(65535)
	key := newKey(t)
	s := newServer(t, newLAN().take, key.Public())
	c := newClient(t, Options{NewBind: func() conn.Bind { return narrow{conn.NewStdNetBind(), &most} }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	if _, err := c.Widest(t.Context(), "a", []int{1280}); !errors.Is(err, ErrNoResponder) {
		t.Errorf("nobody is known: got %v", err)
	}
	c.mustPromote(t, "a")
	c.knows(t, "a", 1, 0)
	sizes := []int{1280, 9000, 1420, 1360, 1280}
	for _, tt := range []struct {
		most int64
		want int
	}{{65535, 1420}, {1360 + 80, 1360}, {1280 + 40, 1280}, {300, 0}} {
		most.Store(tt.most)
		if got, err := c.Widest(patient(t), "a", sizes); err != nil || got != tt.want {
			t.Errorf("datagrams up to %d: got %d, %v, want %d", tt.most, got, err, tt.want)
		}
	}
	if got, err := c.Widest(patient(t), "a", []int{9000}); err != nil || got != 0 {
		t.Errorf("beyond the interface's MTU: got %d, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Widest(ctx, "a", sizes); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := c.mustCount(t, "a"); got.DataSent != 0 || got.DataReceived != 0 {
		t.Errorf("got %+v", got)
	}
}
