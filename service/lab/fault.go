package lab

import (
	"fmt"
	"slices"
)

// Fault is the key of one way in which a server or its path can fail. Scripts
// name it: the strings never change.
type Fault string

// The faults of the path.
const (
	BlackHole     Fault = "blackhole"
	BlackHoleUp   Fault = "blackhole_up"
	BlackHoleDown Fault = "blackhole_down"
	Refused       Fault = "refused"
	Latency       Fault = "latency"
	Jitter        Fault = "jitter"
	Reorder       Fault = "reorder"
	Loss          Fault = "loss"
	LossUp        Fault = "loss_up"
	LossDown      Fault = "loss_down"
	Bursts        Fault = "bursts"
	Slow          Fault = "slow"
	MTU           Fault = "mtu"
	Rebind        Fault = "rebind"
)

// The faults of the server. Servers of one site share them.
const (
	Revoked       Fault = "revoked"
	WrongPSK      Fault = "psk"
	ForwardingOff Fault = "forwarding"
	ExitOff       Fault = "exit"
	Overload      Fault = "overload"
	KeyShared     Fault = "key_shared"
	Restart       Fault = "restart"
)

// FaultInfo describes one fault for a list that a person chooses from.
type FaultInfo struct {
	Key  Fault
	Name string // a few words
	What string // one sentence: what happens
	// Momentary faults happen once and leave nothing to heal.
	Momentary bool
	// Site faults are the server's own: they hold at every path to it.
	Site bool
}

var faults = []FaultInfo{
	{Key: BlackHole, Name: "black hole", What: "Every datagram to and from the server is lost without a word."},
	{Key: BlackHoleUp, Name: "upload dead", What: "Datagrams to the server are lost; those from it still arrive."},
	{Key: BlackHoleDown, Name: "download dead", What: "Datagrams from the server are lost; those to it still arrive."},
	{Key: Refused, Name: "port refused", What: "Nothing listens at the endpoint any more: the sender gets port unreachable."},
	{Key: Revoked, Name: "key revoked", What: "The server has removed this client's key and answers it nothing.", Site: true},
	{Key: WrongPSK, Name: "wrong preshared key", What: "The server has another preshared key: its handshake response does not authenticate.", Site: true},
	{Key: ForwardingOff, Name: "forwards nothing", What: "Handshakes succeed, but nobody answers anything inside the tunnel.", Site: true},
	{Key: ExitOff, Name: "no exit", What: "The server itself answers inside the tunnel, but nothing beyond it does.", Site: true},
	{Key: Restart, Name: "server restart", What: "The server starts anew and has forgotten every session.", Momentary: true, Site: true},
	{Key: Overload, Name: "server overloaded", What: "The server is flooded with handshakes and answers new ones with a cookie first.", Site: true},
	{Key: KeyShared, Name: "key used elsewhere", What: "Another device uses this client's key at the same server.", Site: true},
	{Key: Latency, Name: "latency", What: "Every datagram takes 150 ms longer each way."},
	{Key: Jitter, Name: "jitter", What: "Every datagram takes up to 80 ms longer each way, at random."},
	{Key: Reorder, Name: "reordering", What: "One datagram in five is overtaken by those behind it."},
	{Key: Loss, Name: "loss", What: "One datagram in five is lost each way, independently."},
	{Key: LossUp, Name: "upload loss", What: "Three datagrams in ten to the server are lost."},
	{Key: LossDown, Name: "download loss", What: "Three datagrams in ten from the server are lost."},
	{Key: Bursts, Name: "bursts of loss", What: "The link vanishes for 0.2 to 3 s at a time, about every 10 s, as Wi-Fi does."},
	{Key: Slow, Name: "slow link", What: "The link carries 1 Mbit/s each way behind a queue of 128 kB."},
	{Key: MTU, Name: "small MTU", What: "Datagrams of more than 1332 bytes are lost without a word."},
	{Key: Rebind, Name: "NAT forgets", What: "The router on the way forgets the client, which then comes from another port.", Momentary: true},
}

// Faults lists every fault, the most instructive ones first.
func Faults() []FaultInfo { return slices.Clone(faults) }

// ParseFault finds the fault with this key; otherwise ErrNoSuchFault.
func ParseFault(key string) (Fault, error) {
	if i := slices.IndexFunc(faults, func(f FaultInfo) bool { return string(f.Key) == key }); i >= 0 {
		return faults[i].Key, nil
	}
	return "", fmt.Errorf("fault %q: %w", key, ErrNoSuchFault)
}

// info is the fault's own entry; the zero value where there is none.
func (f Fault) info() FaultInfo {
	if i := slices.IndexFunc(faults, func(i FaultInfo) bool { return i.Key == f }); i >= 0 {
		return faults[i]
	}
	return FaultInfo{}
}
