package wg

import (
	"os"
	"sync"

	"golang.zx2c4.com/wireguard/tun"
)

// pump makes the Read of an interface interruptible that offers no way to
// interrupt it. A goroutine of its own blocks in the interface's Read and hands
// whole batches over, which costs one copy of every packet. It also puts
// writers in a line, since the interfaces that need a pump (wintun) allow only
// one at a time.
//
// The goroutine ends when the interface's Read fails, which Close makes it do.
type pump struct {
	tun.Device
	full, free  chan *batch // full is closed by the goroutine when it ends
	interrupted chan struct{}
	done        chan struct{} // closed by Close
	closeOnce   sync.Once
	err         error // why the goroutine ended; read after full is closed

	readMu  sync.Mutex
	partial *batch // what the last Read had no room for
	writeMu sync.Mutex
}

// batch is what one Read of the interface gave.
type batch struct {
	bufs  [][]byte
	sizes []int
	next  int // the first packet that was not handed over
	n     int
	err   error
}

const (
	// pumpBatches is how many batches may wait: enough that the interface is
	// read while the device encrypts.
	pumpBatches = 4
	// maxPacket is the largest packet an interface can hand over.
	maxPacket = 65535
	// pumpOffset is the room before a packet that some interfaces want for a
	// header of their own.
	pumpOffset = 16
)

func newPump(real tun.Device) *pump {
	p := &pump{
		Device:      real,
		full:        make(chan *batch, pumpBatches),
		free:        make(chan *batch, pumpBatches),
		interrupted: make(chan struct{}, 1),
		done:        make(chan struct{}),
		err:         os.ErrClosed,
	}
	for range pumpBatches {
		b := &batch{bufs: make([][]byte, real.BatchSize()), sizes: make([]int, real.BatchSize())}
		for i := range b.bufs {
			b.bufs[i] = make([]byte, pumpOffset+maxPacket)
		}
		p.free <- b
	}
	go p.run()
	return p
}

func (p *pump) run() {
	defer close(p.full)
	for {
		var b *batch
		select {
		case b = <-p.free:
		case <-p.done:
			return
		}
		b.next = 0
		b.n, b.err = p.Device.Read(b.bufs, b.sizes, pumpOffset)
		if b.err != nil && b.n == 0 && isGone(b.err) {
			p.err = b.err
			return
		}
		p.full <- b
	}
}

// Interrupt makes the present Read, or else the next one, return
// os.ErrDeadlineExceeded.
func (p *pump) Interrupt() {
	select {
	case p.interrupted <- struct{}{}:
	default:
	}
}

// Read hands over what the goroutine has read.
func (p *pump) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	p.readMu.Lock()
	defer p.readMu.Unlock()
	b := p.partial
	if b == nil {
		select {
		case <-p.interrupted:
			return 0, os.ErrDeadlineExceeded
		case got, ok := <-p.full:
			if !ok {
				return 0, p.err
			}
			b = got
		}
	}
	n := 0
	for n < len(bufs) && b.next < b.n {
		sizes[n] = copy(bufs[n][offset:], b.bufs[b.next][pumpOffset:][:b.sizes[b.next]])
		n++
		b.next++
	}
	if b.next < b.n {
		p.partial = b
		return n, nil
	}
	p.partial = nil
	err := b.err
	p.free <- b
	return n, err
}

// Close closes the interface and ends the goroutine.
func (p *pump) Close() error {
	p.closeOnce.Do(func() { close(p.done) })
	return p.Device.Close()
}

// Write passes packets to the interface, one caller at a time.
func (p *pump) Write(bufs [][]byte, offset int) (int, error) {
	p.writeMu.Lock()
	defer p.writeMu.Unlock()
	return p.Device.Write(bufs, offset)
}
