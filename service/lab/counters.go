package lab

import (
	"encoding/binary"
	"maps"
	"sync"
)

// Direction is the way a datagram goes.
type Direction int

// The directions, as the client sees them.
const (
	Up   Direction = 0 // to the server
	Down Direction = 1 // from the server
)

// String is "up" or "down".
func (d Direction) String() string {
	if d == Up {
		return "up"
	}
	return "down"
}

// PacketType is what a datagram looks like from outside.
type PacketType string

// The types of WireGuard's datagrams. A keepalive is a data packet with nothing
// in it; Other is anything that WireGuard does not send.
const (
	Initiation PacketType = "initiation"
	Response   PacketType = "response"
	Cookie     PacketType = "cookie"
	Keepalive  PacketType = "keepalive"
	Data       PacketType = "data"
	Other      PacketType = "other"
)

const (
	sizeInitiation = 148
	sizeResponse   = 92
	sizeCookie     = 64
	sizeKeepalive  = 32
)

func typeOf(b []byte) PacketType {
	if len(b) < 4 {
		return Other
	}
	switch kind := binary.LittleEndian.Uint32(b); {
	case kind == 1 && len(b) == sizeInitiation:
		return Initiation
	case kind == 2 && len(b) == sizeResponse:
		return Response
	case kind == 3 && len(b) == sizeCookie:
		return Cookie
	case kind == 4 && len(b) == sizeKeepalive:
		return Keepalive
	case kind == 4 && len(b) > sizeKeepalive:
		return Data
	}
	return Other
}

// Packet is one datagram as the path saw it come in.
type Packet struct {
	Direction Direction
	Type      PacketType
	Size      int  // bytes of UDP payload
	Drop      Drop // empty: it is handed on
}

// Flow counts one direction of a path since it began.
type Flow struct {
	// Packets and Bytes came in; those of Dropped went no further.
	Packets, Bytes uint64
	Dropped        map[Drop]uint64
	Types          map[PacketType]uint64
}

// Lost sums Dropped.
func (f Flow) Lost() uint64 {
	var n uint64
	for _, d := range f.Dropped {
		n += d
	}
	return n
}

// Counters count a path. What is sent while it refuses is not seen by it, and so
// not counted.
type Counters struct {
	Up, Down Flow
}

// tally is the counting half of a path.
type tally struct {
	mu    sync.Mutex
	flows [2]Flow
}

func (t *tally) add(p Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := &t.flows[p.Direction]
	if f.Types == nil {
		f.Types, f.Dropped = map[PacketType]uint64{}, map[Drop]uint64{}
	}
	f.Packets++
	f.Bytes += uint64(p.Size)
	f.Types[p.Type]++
	if p.Drop != "" {
		f.Dropped[p.Drop]++
	}
}

func (t *tally) counters() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.flows
	for i := range out {
		out[i].Types, out[i].Dropped = maps.Clone(out[i].Types), maps.Clone(out[i].Dropped)
	}
	return Counters{Up: out[Up], Down: out[Down]}
}
