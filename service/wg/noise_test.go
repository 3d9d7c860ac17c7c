package wg

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// noiseServer is wireguard-go's half of a handshake, without a network.
type noiseServer struct {
	key tunnel.PrivateKey
	dev *device.Device
}

func newNoiseServer(t testing.TB) *noiseServer {
	t.Helper()
	s := &noiseServer{}
	s.dev = device.NewDevice(newMemTUN(), conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	t.Cleanup(s.dev.Close)
	if err := s.dev.Up(); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve gives the server a new key and one client.
func (s *noiseServer) serve(t testing.TB, client tunnel.PublicKey, psk tunnel.PresharedKey) {
	t.Helper()
	s.key = newKey(t)
	err := s.dev.IpcSet("private_key=" + s.key.RevealHex() + "\nreplace_peers=true\npublic_key=" + client.Hex() +
		"\npreshared_key=" + psk.RevealHex() + "\n")
	if err != nil {
		t.Fatal(err)
	}
}

// answer is wireguard-go's response to an initiation. nil: it does not take it.
func (s *noiseServer) answer(t testing.TB, packet []byte) []byte {
	t.Helper()
	var check device.CookieChecker
	check.Init(device.NoisePublicKey(s.key.Public()))
	if !check.CheckMAC1(packet) {
		t.Fatal("MAC1 of the initiation is wrong")
	}
	msg := device.MessageInitiation{
		Type:   binary.LittleEndian.Uint32(packet),
		Sender: binary.LittleEndian.Uint32(packet[4:]),
	}
	n := 8 + copy(msg.Ephemeral[:], packet[8:])
	n += copy(msg.Static[:], packet[n:])
	copy(msg.Timestamp[:], packet[n:])
	peer := s.dev.ConsumeMessageInitiation(&msg)
	if peer == nil {
		return nil
	}
	response, err := s.dev.CreateMessageResponse(peer)
	if err != nil {
		t.Fatal(err)
	}
	out := binary.LittleEndian.AppendUint32(nil, response.Type)
	out = binary.LittleEndian.AppendUint32(out, response.Sender)
	out = binary.LittleEndian.AppendUint32(out, response.Receiver)
	out = append(out, response.Ephemeral[:]...)
	out = append(out, response.Empty[:]...)
	return append(out, make([]byte, 32)...)
}

// macs completes a response of the server for a client.
func macs(packet []byte, client tunnel.PublicKey) []byte {
	var g device.CookieGenerator
	g.Init(device.NoisePublicKey(client))
	g.AddMacs(packet)
	return packet
}

func randomPSK(t testing.TB) tunnel.PresharedKey {
	t.Helper()
	psk, err := tunnel.ParsePresharedKey(newKey(t).Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return psk
}

// TestInitiatorAgreesWithWireGuard lets wireguard-go answer initiations of ours,
// with keys of all kinds, and judges its answers.
func TestInitiatorAgreesWithWireGuard(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newNoiseServer(t)
	for round := range 48 {
		client := newKey(t)
		var psk, theirs tunnel.PresharedKey
		if round%3 != 0 {
			psk = randomPSK(t)
			theirs = psk
		}
		if round%4 == 0 {
			theirs = randomPSK(t)
		}
		s.serve(t, client.Public(), theirs)
		n, err := newInitiator(client, &tunnel.Peer{PublicKey: s.key.Public(), PresharedKey: psk})
		if err != nil {
			t.Fatal(err)
		}
		index := rand.Uint32()
		repeats := 1
		if round%8 == 0 {
			repeats = 3
		}
		for again := range repeats {
			if again > 0 {
				flood := time.NewTimer(besideSpacing)
				<-flood.C
			}
			now = now.Add(time.Second)
			o, packet, err := n.open(index, stampOf(now), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(packet) != device.MessageInitiationSize {
				t.Fatalf("an initiation of %d bytes", len(packet))
			}
			answer := s.answer(t, packet)
			if answer == nil {
				t.Fatal("the server did not take the initiation")
			}
			want := authentic
			if !psk.Equal(theirs) {
				want = mismatch
			}
			if got := o.judge(answer); got != foreign {
				t.Fatalf("without MAC1: got %v", got)
			}
			macs(answer, client.Public())
			if got := o.judge(answer); got != want {
				t.Fatalf("round %d: got %v, want %v", round, got, want)
			}
			spoiled := append([]byte(nil), answer...)
			spoiled[12+rand.IntN(48)] ^= 1 << rand.IntN(8)
			if got := o.judge(macs(spoiled, client.Public())); got != mismatch {
				t.Fatalf("spoiled: got %v", got)
			}
			if s.answer(t, packet) != nil {
				t.Fatal("the server took the same initiation twice")
			}
			index++
		}
	}
}

// TestInitiatorOfAnotherKey is not answered.
func TestInitiatorOfAnotherKey(t *testing.T) {
	client := newKey(t)
	s := newNoiseServer(t)
	s.serve(t, client.Public(), tunnel.PresharedKey{})
	n, err := newInitiator(newKey(t), &tunnel.Peer{PublicKey: s.key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	_, packet, err := n.open(1, stampOf(time.Now()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.answer(t, packet) != nil {
		t.Error("the server answered a stranger")
	}
	var low tunnel.Peer // the all-zero key is a point of low order
	if _, err := newInitiator(client, &low); err == nil {
		t.Error("a server key of low order was taken")
	}
}

// TestInitiatorCarriesTheCookie checks MAC2 and the cookie reply with
// wireguard-go's own checker.
func TestInitiatorCarriesTheCookie(t *testing.T) {
	client, key := newKey(t), newKey(t)
	n, err := newInitiator(client, &tunnel.Peer{PublicKey: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	var check device.CookieChecker
	check.Init(device.NoisePublicKey(key.Public()))
	source := []byte{192, 0, 2, 1, 0, 0}
	for range 100 {
		index := rand.Uint32()
		o, packet, err := n.open(index, stampOf(time.Now()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !check.CheckMAC1(packet) || check.CheckMAC2(packet, source) {
			t.Fatal("got other MACs than without a cookie")
		}
		msg, err := check.CreateReply(packet, index, source)
		if err != nil {
			t.Fatal(err)
		}
		cookie, ok := o.cookie(cookieReply(msg))
		if !ok {
			t.Fatal("the cookie does not open")
		}
		_, with, err := n.open(index+1, stampOf(time.Now()), &cookie)
		if err != nil {
			t.Fatal(err)
		}
		if !check.CheckMAC1(with) || !check.CheckMAC2(with, source) {
			t.Fatal("MAC2 is wrong")
		}
		other, _, err := n.open(index, stampOf(time.Now()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := other.cookie(cookieReply(msg)); ok {
			t.Fatal("a cookie for another initiation opened")
		}
	}
}

func cookieReply(msg *device.MessageCookieReply) []byte {
	out := binary.LittleEndian.AppendUint32(nil, msg.Type)
	out = binary.LittleEndian.AppendUint32(out, msg.Receiver)
	out = append(out, msg.Nonce[:]...)
	return append(out, msg.Cookie[:]...)
}

// TestStampsStayBehindTheDevice holds for every moment: a question beside the
// session is dated before an initiation of the device that is built next, and
// after one that was built a spacing ago.
func TestStampsStayBehindTheDevice(t *testing.T) {
	less := func(a, b tai64) bool { return string(a[:]) < string(b[:]) }
	start := time.Unix(1_800_000_000, 0)
	for i := range 200_000 {
		now := start.Add(time.Duration(i) * 13_777 * time.Nanosecond)
		ours := stampOf(now.Add(-stampStep))
		if !less(ours, stampOf(now)) {
			t.Fatalf("at %v: not before the device's next", now)
		}
		if !less(stampOf(now.Add(-minSpacing)), ours) {
			t.Fatalf("at %v: not after the device's last", now)
		}
		if !less(stampOf(now.Add(-stampStep-besideSpacing)), ours) {
			t.Fatalf("at %v: not after our last", now)
		}
	}
	known := stampOf(time.Unix(0, 0))
	if got := hex.EncodeToString(known[:]); got != "400000000000000a00000000" {
		t.Errorf("got %s", got)
	}
}

// FuzzReplies feeds the judge and the cookie with anything; nothing of it is
// ever authentic.
func FuzzReplies(f *testing.F) {
	client, key := newKey(f), newKey(f)
	n, err := newInitiator(client, &tunnel.Peer{PublicKey: key.Public()})
	if err != nil {
		f.Fatal(err)
	}
	const index = 7
	o, _, err := n.open(index, stampOf(time.Now()), nil)
	if err != nil {
		f.Fatal(err)
	}
	for kind, size := range map[byte]int{2: device.MessageResponseSize, 3: device.MessageCookieReplySize} {
		seed := make([]byte, size)
		seed[0], seed[4], seed[8] = kind, index, index
		f.Add(seed, true)
		f.Add(seed[:size-1], false)
	}
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, packet []byte, sign bool) {
		if sign && len(packet) >= 32 {
			packet = macs(append([]byte(nil), packet...), client.Public())
		}
		if o.judge(packet) == authentic {
			t.Fatal("a forged response is authentic")
		}
		if _, ok := o.cookie(packet); ok {
			t.Fatal("a forged cookie opened")
		}
		tp, _ := newTap(absorbing{}, nil)
		tp.beside.path = &estimate{}
		tp.beside.add(&aside{opening: o, tell: func(time.Duration, int64) { t.Error("an answer") }})
		buf := append([]byte(nil), packet...)
		if len(buf) > 0 {
			tp.sawArrive([][]byte{buf}, []int{len(buf)})
		}
	})
}
