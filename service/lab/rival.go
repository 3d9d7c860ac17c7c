package lab

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
)

// rivalEvery is how often the rival speaks, and so steals the answers.
const rivalEvery = time.Second

// rival is another device with the client's key: it has its own way to the
// server and keeps talking, so that the server takes it for the client.
type rival struct {
	device *device.Device
	bind   *bind
}

func startRival(s *site) (*rival, error) {
	b, err := listenBind()
	if err != nil {
		return nil, fmt.Errorf("start rival: %w", err)
	}
	r := &rival{bind: b, device: device.NewDevice(newTalker(s.options.Client[0].Addr()), b, deviceLog(s.log))}
	err = r.device.IpcSet(fmt.Sprintf(
		"private_key=%s\npublic_key=%s\npreshared_key=%s\nendpoint=%s\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n",
		s.options.ClientKey.RevealHex(), s.key.Public().Hex(), s.psk.RevealHex(), s.bind.address()))
	if err == nil {
		err = r.device.Up()
	}
	if err != nil {
		r.stop()
		return nil, fmt.Errorf("start rival: %w", err)
	}
	return r, nil
}

func (r *rival) stop() {
	r.device.Close()
	_ = r.bind.socket.Close()
}

// talker is the inner side of the rival: a packet from the client's address now
// and then, and no interest in answers.
type talker struct {
	packet []byte
	again  *time.Ticker
	events chan tun.Event
	quit   chan struct{}
	once   sync.Once
}

func newTalker(from netip.Addr) *talker {
	t := &talker{again: time.NewTicker(rivalEvery), events: make(chan tun.Event, 1), quit: make(chan struct{})}
	t.events <- tun.EventUp
	t.packet = echoRequest(from)
	return t
}

// echoRequest is a packet from the address to itself that carries nothing. The
// server checks the source of what it decrypts and no more.
func echoRequest(from netip.Addr) []byte {
	if from.Is4() {
		b := make([]byte, 20)
		b[0], b[3], b[8], b[9] = 0x45, 20, 64, 59
		copy(b[12:], from.AsSlice())
		copy(b[16:], from.AsSlice())
		return b
	}
	b := make([]byte, 40)
	b[0], b[6], b[7] = 0x60, 59, 64
	copy(b[8:], from.AsSlice())
	copy(b[24:], from.AsSlice())
	return b
}

// Read gives a packet every rivalEvery.
func (t *talker) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	select {
	case <-t.quit:
		return 0, os.ErrClosed
	case <-t.again.C:
		sizes[0] = copy(bufs[0][offset:], t.packet)
		return 1, nil
	}
}

// Write forgets what comes.
func (t *talker) Write(bufs [][]byte, _ int) (int, error) { return len(bufs), nil }

// Close ends Read.
func (t *talker) Close() error {
	t.once.Do(func() {
		t.again.Stop()
		close(t.quit)
		close(t.events)
	})
	return nil
}

func (t *talker) File() *os.File           { return nil }
func (t *talker) MTU() (int, error)        { return defaultMTU, nil }
func (t *talker) Name() (string, error)    { return "rival", nil }
func (t *talker) Events() <-chan tun.Event { return t.events }
func (t *talker) BatchSize() int           { return 1 }
