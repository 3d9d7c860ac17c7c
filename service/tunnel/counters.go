package tunnel

import "time"

// Counters are what one device has seen since it came up, summed over its
// peers. Byte totals and LastHandshake come from wireguard-go and are
// authenticated; the rest comes from the taps and is a hint.
type Counters struct {
	// RxBytes and TxBytes are the authenticated UAPI totals: data, keepalives
	// and handshakes.
	RxBytes, TxBytes uint64
	// DataSent counts the non-empty data packets handed to the network.
	// Keepalives, which WireGuard never answers, are not among them, nor are our
	// own echoes.
	DataSent uint64
	// DataReceived counts the inner packets that were decrypted and delivered,
	// the answers to our own echoes aside.
	DataReceived uint64
	// Initiations counts the handshake initiations sent.
	Initiations uint64
	// Withheld counts the handshake initiations that were due and were not sent,
	// since the clock cannot be trusted to date them. They are no silence.
	Withheld uint64
	// SendErrors counts the datagrams the system refused to send.
	SendErrors uint64
	// LastHandshake is the wall-clock moment of the last completed handshake.
	// Zero: none has taken place.
	LastHandshake time.Time
	// UnansweredSince is when the oldest non-empty data packet left that no
	// datagram has followed. Zero: none is waiting.
	UnansweredSince time.Time
	// InitiatingSince is when the oldest handshake initiation left that no
	// response has followed. Zero: none is waiting.
	InitiatingSince time.Time
	// LastReceived is when the last data packet was decrypted and delivered.
	// Zero: never.
	LastReceived time.Time
	// Path is what is known of round trips.
	Path Path
}
