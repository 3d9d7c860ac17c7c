package lab

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// flowIdle is how long a client may be silent before the relay forgets it,
	// flowsMost how many it remembers: the one silent longest makes room.
	flowIdle  = 3 * time.Minute
	flowsMost = 256
)

// flow is one client address at one path, with its own port at the server.
type flow struct {
	client   netip.AddrPort
	listener *net.UDPConn // what answers leave through; not the flow's to close
	upstream *net.UDPConn
	seenAt   atomic.Int64 // by the path's clock
	closed   atomic.Bool
}

func (f *flow) isClosed() bool { return f.closed.Load() }

// send hands a datagram on. A flow that has been closed sends nothing.
func (f *flow) send(way Direction, data []byte) {
	if f.isClosed() {
		return
	}
	if way == Up {
		_, _ = f.upstream.Write(data)
		return
	}
	_, _ = f.listener.WriteToUDPAddrPort(data, f.client)
}

func (f *flow) close() {
	f.closed.Store(true)
	_ = f.upstream.Close()
}

// flowFor finds the flow of a client, or begins one. It is nil when the path has
// stopped listening there.
func (p *Path) flowFor(client netip.AddrPort, listener *net.UDPConn) *flow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		return nil
	}
	if f := p.flows[client]; f != nil {
		return f
	}
	p.tidyLocked()
	upstream, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(loopbackAny), net.UDPAddrFromAddrPort(p.server))
	if err != nil {
		p.log.Warn("path has no socket for a client", "err", err)
		return nil
	}
	growBuffers(upstream)
	f := &flow{client: client, listener: listener, upstream: upstream}
	f.seenAt.Store(int64(p.now()))
	p.flows[client] = f
	p.running.Go(func() { p.readServer(f) })
	return f
}

// tidyLocked forgets clients that have been silent for long, and the one silent
// longest when there are too many.
func (p *Path) tidyLocked() {
	idleBefore := int64(p.now() - flowIdle)
	var oldest *flow
	for client, f := range p.flows {
		seen := f.seenAt.Load()
		if seen < idleBefore {
			f.close()
			delete(p.flows, client)
			continue
		}
		if oldest == nil || seen < oldest.seenAt.Load() {
			oldest = f
		}
	}
	if len(p.flows) >= flowsMost {
		oldest.close()
		delete(p.flows, oldest.client)
	}
}
