package lab

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

const (
	// floodBurst is more handshakes at once than the queue length of 128 at which
	// wireguard-go calls itself under load, with room for those that it works off
	// meanwhile.
	floodBurst = 512
	// floodEvery is shorter than the second for which it then remembers.
	floodEvery = 300 * time.Millisecond
)

// flood keeps a server under load: bursts of handshake initiations whose first
// MAC is right, so that each costs the server work, and whose rest is random.
// They go straight into the server's queue and not over the network.
type flood struct {
	quit, ended chan struct{}
}

func startFlood(into chan<- []byte, server tunnel.PublicKey) *flood {
	f := &flood{quit: make(chan struct{}), ended: make(chan struct{})}
	go f.run(into, server)
	return f
}

func (f *flood) run(into chan<- []byte, server tunnel.PublicKey) {
	defer close(f.ended)
	var macs device.CookieGenerator
	macs.Init(device.NoisePublicKey(server))
	packet := make([]byte, sizeInitiation)
	_, _ = rand.Read(packet)
	binary.LittleEndian.PutUint32(packet, 1)
	clear(packet[sizeInitiation-32:])
	macs.AddMacs(packet)
	again := time.NewTicker(floodEvery)
	defer again.Stop()
	for {
		for range floodBurst {
			select {
			case into <- packet:
			case <-f.quit:
				return
			}
		}
		select {
		case <-again.C:
		case <-f.quit:
			return
		}
	}
}

// stop ends the flood and waits for it. The server recovers within a second.
func (f *flood) stop() {
	close(f.quit)
	<-f.ended
}
