package wg

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// trimAbove is the heap, with what the runtime holds in reserve, below which
// Trim does nothing.
const trimAbove = 48 << 20

// Trim returns to the system the memory that a load left behind; it reports
// whether there was enough to do so. A fast transfer fills wireguard-go's pools
// with hundreds of MiB of packet buffers, which Go by itself gives back only
// after many minutes without a load. Call it once, some ten seconds after the
// traffic has died down: it runs the collector twice, since a pool survives the
// first run, which costs tens of milliseconds of one core.
func (d *Devices) Trim() bool {
	held := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(held)
	var sum uint64
	for _, s := range held {
		sum += s.Value.Uint64()
	}
	if sum < trimAbove {
		return false
	}
	runtime.GC()
	debug.FreeOSMemory() // collects once more, then returns what is free
	return true
}
