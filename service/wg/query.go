package wg

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
)

const (
	// firstQueryPort is where the ports begin that DNS queries of ours come from:
	// above those that systems give to applications by themselves, where they
	// leave some.
	firstQueryPort = 61000
	// maxQueries is how many queries are remembered until they are answered.
	maxQueries = 16
	// questionSize is the length of a question for the name servers of the root.
	questionSize = 12 + 5
)

// queries are DNS queries that take the place of echoes, to resolvers that
// answer no echo. They ask what every resolver knows and tell nobody anything.
type queries struct {
	port uint16
	open atomic.Int32 // how many wait, so that Write need not lock

	mu   sync.Mutex
	sent [maxQueries]query
	next int
}

// query is one that has left. The zero value: none.
type query struct {
	id    uint16
	to    netip.Addr
	stamp stamp
}

func newQueries() *queries {
	var random [2]byte
	_, _ = rand.Read(random[:]) // never fails
	return &queries{port: firstQueryPort + binary.BigEndian.Uint16(random[:])%(1<<16-firstQueryPort)}
}

// build makes a query from src to dst, which must be of one family.
func (q *queries) build(src, dst netip.Addr, s stamp) []byte {
	var id [2]byte
	_, _ = rand.Read(id[:])
	q.mu.Lock()
	if !q.sent[q.next].to.IsValid() {
		q.open.Add(1)
	}
	q.sent[q.next] = query{binary.BigEndian.Uint16(id[:]), dst, s}
	q.next = (q.next + 1) % maxQueries
	q.mu.Unlock()

	p, head := header(src, dst, protoUDP, 8+questionSize)
	udp := p[head:]
	binary.BigEndian.PutUint16(udp, q.port)
	binary.BigEndian.PutUint16(udp[2:], portDNS)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	copy(udp[8:], id[:])
	udp[10] = 1   // recursion is wanted
	udp[13] = 1   // one question
	udp[22] = 2   // NS
	udp[8+16] = 1 // of the Internet
	sum := checksum(pseudo(p, head, protoUDP), udp)
	if sum == 0 {
		sum = 0xffff // 0 stands for none
	}
	binary.BigEndian.PutUint16(udp[6:], sum)
	return p
}

// answer says that a packet answers a query of ours, and which.
func (q *queries) answer(in *inner, p []byte) (stamp, bool) {
	if in.kind != dnsReply || in.dst != q.port || q.open.Load() == 0 {
		return stamp{}, false
	}
	from, _ := in.addresses(p)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.sent {
		if s := &q.sent[i]; s.to == from && s.id == in.id {
			found := s.stamp
			*s = query{}
			q.open.Add(-1)
			return found, true
		}
	}
	return stamp{}, false
}

// quotesOurs says that a packet tells that one of our queries was not delivered.
func (q *queries) quotesOurs(in *inner, p []byte) bool {
	proto, b := quoted(in, p)
	return proto == protoUDP && binary.BigEndian.Uint16(b) == q.port && binary.BigEndian.Uint16(b[2:]) == portDNS
}
