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
	// meanwhile. It then remembers for a second.
	floodBurst = 768
	// floodEvery is how often the flood looks whether it still does.
	floodEvery = 20 * time.Millisecond
)

// flood keeps a device under load: bursts of handshake initiations whose first
// MAC is right, so that each costs the server work, and whose rest is random.
// They go straight into the device's queue and not over the network.
type flood struct {
	quit, ended chan struct{}
}

func startFlood(target *device.Device, into chan<- []byte, server tunnel.PublicKey) *flood {
	f := &flood{quit: make(chan struct{}), ended: make(chan struct{})}
	go f.run(target, into, forgedInitiation(server))
	return f
}

// forgedInitiation is one that only the first check lets pass.
func forgedInitiation(server tunnel.PublicKey) []byte {
	var macs device.CookieGenerator
	macs.Init(device.NoisePublicKey(server))
	packet := make([]byte, sizeInitiation)
	_, _ = rand.Read(packet)
	binary.LittleEndian.PutUint32(packet, 1)
	clear(packet[sizeInitiation-32:])
	macs.AddMacs(packet)
	return packet
}

func (f *flood) run(target *device.Device, into chan<- []byte, packet []byte) {
	defer close(f.ended)
	again := time.NewTicker(floodEvery)
	defer again.Stop()
	for {
		if !target.IsUnderLoad() {
			for range floodBurst / bindBatch {
				select {
				case into <- packet:
				case <-f.quit:
					return
				}
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
