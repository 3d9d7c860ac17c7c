package leak

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
)

// Kind is what a packet of the flood is.
type Kind uint8

// The kinds. They are numbered by hand: marks carry them.
const (
	UDP    Kind = 1
	TCP    Kind = 2 // a SYN with data
	ICMP   Kind = 3 // an echo request
	DNS    Kind = 4 // a question over UDP
	DNSTCP Kind = 5 // a SYN to port 53, with data
	Raw    Kind = 6 // of a protocol of its own, with a header made by the sender
)

// Kinds are all kinds, in their order.
func Kinds() []Kind { return []Kind{UDP, TCP, ICMP, DNS, DNSTCP, Raw} }

var kindNames = [...]string{UDP: "UDP", TCP: "TCP", ICMP: "ICMP", DNS: "DNS", DNSTCP: "DNS over TCP", Raw: "raw"}

// String is the word for a kind in tables.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Key says which packets of a cell are counted together.
type Key struct {
	Way  uint8
	Kind Kind
	V6   bool
}

// markSize is how many bytes a Mark takes; a payload is made of whole ones.
const markSize = 16

// Run is what all marks of one run begin with. No other traffic contains it,
// but with the probability that 48 random bits come together by chance.
type Run [6]byte

// NewRun makes a Run up.
func NewRun() Run {
	var r Run
	_, _ = rand.Read(r[:]) // never fails
	return r
}

// Mark is what a packet of the flood says about itself.
type Mark struct {
	Cell uint16 // which case in which state: see Flood.Enter
	Way  uint8  // the number of its Way
	V6   bool
	Kind Kind
	Seq  uint32
}

const v6Bit = 0x80

// fill writes the mark into b over and over, so that each fragment of a packet
// has a whole one at its beginning or near it.
func (r Run) fill(b []byte, m Mark) {
	var one [markSize]byte
	copy(one[:], r[:])
	binary.BigEndian.PutUint16(one[6:], m.Cell)
	one[8] = m.Way
	one[9] = byte(m.Kind)
	if m.V6 {
		one[9] |= v6Bit
	}
	binary.BigEndian.PutUint32(one[10:], m.Seq)
	for n := 0; n < len(b); {
		n += copy(b[n:], one[:])
	}
}

// Find returns the first whole mark within b.
func (r Run) Find(b []byte) (Mark, bool) {
	i := bytes.Index(b, r[:])
	if i < 0 || len(b) < i+markSize-2 {
		return Mark{}, false
	}
	b = b[i:]
	return Mark{
		Cell: binary.BigEndian.Uint16(b[6:]),
		Way:  b[8],
		V6:   b[9]&v6Bit != 0,
		Kind: Kind(b[9] &^ v6Bit),
		Seq:  binary.BigEndian.Uint32(b[10:]),
	}, true
}
