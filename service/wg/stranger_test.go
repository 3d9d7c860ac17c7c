package wg

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"weak"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// arrive has a datagram that somebody made up come to a device.
func (m *member) arrive(kind byte, size int, receiver uint32) (passed bool) {
	msg := make([]byte, size)
	msg[0] = kind
	at := 4
	if kind == device.MessageResponseType {
		at = 8
	}
	binary.LittleEndian.PutUint32(msg[at:], receiver)
	sizes := []int{size}
	m.tap.sawArrive([][]byte{msg}, sizes)
	return sizes[0] != 0
}

// TestStrangersKeepNoQuestionAway floods a device with what looks like replies
// of its server, by somebody who sees its indices and does not know its key.
func TestStrangersKeepNoQuestionAway(t *testing.T) {
	t.Parallel()
	c, _ := connected(t)
	m := c.settled(t, "a")
	before := c.mustCount(t, "a")
	ctx, cancel := context.WithCancel(patient(t))
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			m.arrive(device.MessageResponseType, device.MessageResponseSize, m.tap.liveIndex.Load())
			m.arrive(device.MessageResponseType, device.MessageResponseSize, 7)
			m.arrive(device.MessageCookieReplyType, device.MessageCookieReplySize, 7)
			m.arrive(device.MessageInitiationType, device.MessageInitiationSize, 7)
		}
	}()
	for range 3 {
		c.mustProbe(t, "a")
		c.settled(t, "a")
		c.mustAsk(t, "a")
	}
	cancel()
	<-flood
	got := c.mustCount(t, "a")
	if got.Path.Cookies != before.Path.Cookies || got.Path.BadResponses != 0 || got.Path.PeerInitiations != before.Path.PeerInitiations {
		t.Errorf("what a stranger made up counts: %+v", got.Path)
	}
	c.mustEcho(t, 2)
}

// TestStrangersAnswerNoQuestion sends more replies to a question than are judged
// at a time, before the answer.
func TestStrangersAnswerNoQuestion(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 20*time.Millisecond)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustProbe(t, "a")
	m := c.settled(t, "a")
	eventually(t, "a question leaves", func() bool {
		if err := c.Ask("a"); err != nil {
			t.Fatal(err)
		}
		return c.mustCount(t, "a").Path.Asked.Sent == 1
	})
	m.tap.beside.mu.Lock()
	index := m.tap.beside.open[0].index
	m.tap.beside.mu.Unlock()
	for range 4 * maxJudging {
		if m.arrive(device.MessageResponseType, device.MessageResponseSize, index) {
			t.Fatal("a reply to a question came to the device")
		}
	}
	eventually(t, "the server's answer counts", func() bool { return c.mustCount(t, "a").Path.Asked.Answered == 1 })
	if got := c.mustCount(t, "a").Path.BadResponses; got != 0 {
		t.Errorf("%d replies of strangers count as the server's", got)
	}
}

// TestStoppedSearchIsFreed stops a device that is looking for its server: the
// open questions lead back to it.
func TestStoppedSearchIsFreed(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	gone := func() weak.Pointer[device.Device] {
		c.mustStart(t, "a", configFor(key, s, silentPort(t)), StartOptions{})
		m, err := c.member("a")
		if err != nil {
			t.Fatal(err)
		}
		found := make(chan error, 1)
		go func() {
			_, _, err := c.Seek(patient(t), tunnel.Name("a"))
			found <- err
		}()
		eventually(t, "the server is asked for", func() bool { return m.tap.beside.count.Load() > 0 })
		if err := c.Stop("a"); err != nil {
			t.Fatal(err)
		}
		<-found
		return weak.Make(m.dev)
	}()
	eventually(t, "it is freed", func() bool {
		runtime.GC()
		return gone.Value() == nil
	})
	if at := c.Endpoint("a"); at != (netip.AddrPort{}) {
		t.Errorf("got %v", at)
	}
}
