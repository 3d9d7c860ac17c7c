package wg

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
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

// begin has the server begin a handshake.
func (s *server) begin(t testing.TB, client tunnel.PublicKey) {
	t.Helper()
	key := device.NoisePublicKey(client)
	peer := s.dev.LookupPeer(key)
	msg, err := s.dev.CreateMessageInitiation(peer)
	if err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 0, device.MessageInitiationSize)
	packet = binary.LittleEndian.AppendUint32(packet, msg.Type)
	packet = binary.LittleEndian.AppendUint32(packet, msg.Sender)
	packet = append(append(append(packet, msg.Ephemeral[:]...), msg.Static[:]...), msg.Timestamp[:]...)
	packet = packet[:device.MessageInitiationSize]
	var macs device.CookieGenerator
	macs.Init(key)
	macs.AddMacs(packet)
	if err := peer.SendBuffers([][]byte{packet}); err != nil {
		t.Fatal(err)
	}
}

// TestSessionsThatTheServerBegan has a question asked beside one: when the server
// renews the session, nothing may be lost.
func TestSessionsThatTheServerBegan(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 20*time.Millisecond)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	renew := func() {
		c.settled(t, "a")
		before := c.mustCount(t, "a")
		s.begin(t, key.Public())
		eventually(t, "the server has made a session", func() bool {
			return c.mustCount(t, "a").LastHandshake.After(before.LastHandshake)
		})
	}
	renew()
	c.settled(t, "a")
	before := c.mustCount(t, "a")
	c.mustAsk(t, "a")
	eventually(t, "the device makes one of its own", func() bool {
		now := c.mustCount(t, "a")
		return now.Initiations == before.Initiations+1 && now.LastHandshake.After(before.LastHandshake)
	})
	ctx, cancel := context.WithCancel(t.Context())
	packets := startStream(ctx, c, time.Millisecond)
	renew()
	eventually(t, "packets flow", func() bool { return packets.sent.Load() > 200 })
	cancel()
	if sent, lost := packets.finish(t, c); lost != 0 {
		t.Errorf("%d of %d packets lost", lost, sent)
	}
	if got := c.mustCount(t, "a").Initiations; got != before.Initiations+1 {
		t.Errorf("%d handshakes, want 1", got-before.Initiations)
	}
}
