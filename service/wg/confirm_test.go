package wg

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
)

// losing is a bind that loses the next keepalives.
type losing struct {
	conn.Bind
	keepalives *atomic.Int32
}

func (l losing) Send(bufs [][]byte, ep conn.Endpoint) error {
	if len(bufs) == 1 && bufs[0][0] == device.MessageTransportType && len(bufs[0]) == device.MessageKeepaliveSize &&
		l.keepalives.Add(-1) >= 0 {
		return nil
	}
	return l.Bind.Send(bufs, ep)
}

// TestAskLeavesAnUnconfirmedSessionAlone loses the keepalive that confirms a new
// session, and asks: the question must not take the session's place at the
// server, which would lose what is sent by it until the next handshake.
func TestAskLeavesAnUnconfirmedSessionAlone(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	var lose atomic.Int32
	c := newClient(t, Options{NewBind: func() conn.Bind { return losing{conn.NewStdNetBind(), &lose} }})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	m := c.settled(t, "a")
	before := c.mustCount(t, "a")
	lose.Store(1)
	if err := m.initiate(nil, m.sendToPeer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a session is made and its keepalive lost", func() bool {
		return c.mustCount(t, "a").LastHandshake.After(before.LastHandshake) && lose.Load() <= 0
	})
	// Long enough for questions to be asked beside a session that is confirmed.
	for range 20 {
		if err := c.Ask("a"); err != nil {
			t.Fatal(err)
		}
		pause := time.NewTimer(minSpacing)
		<-pause.C
	}
	c.mustEcho(t, 2)
	c.mustAsk(t, "a")
}
