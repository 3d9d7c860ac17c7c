package wg

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxBegun is up to how many flows are told apart that began without an answer.
	maxBegun = 32
	// maxFlows is how many TCP connections are followed at a time, a power of two.
	maxFlows = 16
	// maxRequests is how many echo requests and DNS queries are waited for.
	maxRequests = 32
	// requestTime is when an echo request or DNS query counts as lost.
	requestTime = 3 * time.Second
	// sampleGap is the least time between two round trips taken from one connection.
	sampleGap = 50 * time.Millisecond
	// staleFlow is how long a connection keeps its place without a packet.
	staleFlow = 5 * time.Second
	// In a batch of more than smallBatch packets, of those of bulkSize and more
	// only the first and the last are looked at: they belong to a transfer, and
	// each says what those before it said. Unless an answer is waited for since bulkWait.
	smallBatch = 4
	bulkSize   = 600
	bulkWait   = 200 * time.Millisecond
	// largeSegment is the size of an inner packet above which a path may lose it
	// for its size alone: every IPv6 path carries that much.
	largeSegment = 1280
)

// traffic is what the headers of the packets of applications tell that pass one
// port. It looks at headers only, and keeps addresses only as long as it waits
// for what answers.
type traffic struct {
	waitingAt    atomic.Int64 // the oldest packet that wants an answer; 0: none waits
	waitingFlows atomic.Int32
	largeLost    atomic.Uint64

	// Of the goroutine that reads the port:
	begun  [maxBegun]uint64
	nBegun int

	// openRequests and openFlows say whether there is anything an arriving packet
	// could answer, so that it need not lock.
	openRequests, openFlows atomic.Int32

	mu          sync.Mutex
	requests    [maxRequests]request
	nextRequest int
	flows       [maxFlows]flow
}

// request is an echo request or DNS query of an application. at 0: none.
type request struct {
	key   uint64
	at    int64
	to    netip.Addr
	again bool // sent more than once, so that its round trip is not known
	// dns: how long a resolver works on a query, and that it drops one, says
	// nothing of the path.
	dns bool
}

// flow is one TCP connection.
type flow struct {
	key    uint64
	end    uint32 // what follows the last byte that left
	usedAt int64
	// sampleEnd will be acknowledged and tell the round trip. sampleAt 0: none.
	sampleEnd uint32
	again     bool // something was sent again since
	sampleAt  int64
	sampledAt int64
	// large is the first byte of a large segment that has not been acknowledged,
	// arrived what had arrived before it left. isLarge false: none.
	large   uint32
	arrived uint64
	isLarge bool
}

func (f *flow) isOpen() bool { return f.sampleAt != 0 || f.isLarge }

// evidence is what a packet that came proves, beyond itself.
type evidence struct {
	kind kind
	from netip.Addr
	rtt  time.Duration // 0: not known
}

// reset forgets everything but the sums: another device has had the traffic.
func (t *traffic) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waitingAt.Store(0)
	t.waitingFlows.Store(0)
	t.requests, t.flows = [maxRequests]request{}, [maxFlows]flow{}
	t.openRequests.Store(0)
	t.openFlows.Store(0)
}

// leave looks at a batch of packets that applications send. arrived is how many
// of their packets have come so far.
func (t *traffic) leave(bufs [][]byte, sizes []int, offset int, arrived uint64) {
	var in inner
	var now int64
	locked, bulk := false, len(bufs) > smallBatch
	for i := range bufs {
		if bulk && sizes[i] >= bulkSize && i != 0 && i != len(bufs)-1 {
			continue
		}
		p := bufs[i][offset : offset+sizes[i]]
		in.parse(p, false)
		if !in.wantsAnswer() {
			continue
		}
		if now == 0 {
			now = sinceBegan()
			if at := t.waitingAt.Load(); at != 0 && now-at > int64(bulkWait) {
				bulk = false // every flow that begins now is evidence
			}
		}
		t.wait(&in, p, now)
		if in.kind == quicInitial {
			continue
		}
		if !locked {
			locked = true
			t.mu.Lock()
		}
		if in.kind == tcpSegment {
			t.sendLocked(&in, p, now, arrived)
		} else {
			t.requestLocked(&in, p, now)
		}
	}
	if locked {
		t.mu.Unlock()
	}
}

// wait notes that an application waits for an answer.
func (t *traffic) wait(in *inner, p []byte, now int64) {
	if t.waitingAt.Load() == 0 {
		t.nBegun = 0
		t.waitingFlows.Store(0)
		t.waitingAt.CompareAndSwap(0, now)
	}
	if !in.begins() || t.nBegun == maxBegun {
		return
	}
	key := in.flowKey(p, false)
	if slices.Contains(t.begun[:t.nBegun], key) {
		return
	}
	t.begun[t.nBegun] = key
	t.nBegun++
	t.waitingFlows.Store(int32(t.nBegun))
}

// requestKey names what will answer an echo request or a DNS query.
func requestKey(in *inner, p []byte, from bool) uint64 {
	return (in.flowKey(p, from) ^ uint64(in.id)<<16 ^ uint64(in.seq)) * 0x9e3779b97f4a7c15
}

func (t *traffic) requestLocked(in *inner, p []byte, now int64) {
	key := requestKey(in, p, false)
	for i := range t.requests {
		if r := &t.requests[i]; r.at != 0 && r.key == key {
			r.again = true
			return
		}
	}
	r := &t.requests[t.nextRequest]
	if r.at != 0 {
		return // as many are waited for as there is room for; this one is not
	}
	t.nextRequest = (t.nextRequest + 1) % maxRequests
	t.openRequests.Add(1)
	_, to := in.addresses(p)
	*r = request{key: key, at: now, to: to, dns: in.kind == dnsQuery}
}

// expire takes the requests out that nothing has answered for requestTime, and
// tells lost where each echo request had gone.
func (t *traffic) expire(now int64, lost func(to netip.Addr)) {
	if t.openRequests.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.requests {
		if r := &t.requests[i]; r.at != 0 && now-r.at >= int64(requestTime) {
			r.at = 0
			t.openRequests.Add(-1)
			if !r.dns {
				lost(r.to)
			}
		}
	}
}

// sendLocked looks at a segment that carries data or begins a connection.
func (t *traffic) sendLocked(in *inner, p []byte, now int64, arrived uint64) {
	key := in.flowKey(p, false)
	f := &t.flows[key*0x9e3779b97f4a7c15>>60]
	if f.key != key || in.flags&flagSYN != 0 && f.end != in.seq+1 {
		if f.key != key && f.isOpen() && now-f.usedAt < int64(staleFlow) {
			return
		}
		t.closeLocked(f)
		*f = flow{key: key, end: in.seq}
	}
	f.usedAt = now
	end := in.seq + uint32(in.payload) + uint32(in.flags&flagFIN) + uint32(in.flags&flagSYN)>>1
	if int32(end-f.end) <= 0 {
		f.again = true
		if f.isLarge && f.large == in.seq && in.size > largeSegment && arrived != f.arrived {
			t.largeLost.Add(1)
		}
		return
	}
	f.end = end
	wasOpen := f.isOpen()
	if f.sampleAt == 0 && (f.sampledAt == 0 || now-f.sampledAt >= int64(sampleGap)) {
		f.sampleEnd, f.sampleAt, f.again = end, now, false
	}
	if !f.isLarge && in.size > largeSegment {
		f.large, f.arrived, f.isLarge = in.seq, arrived, true
	}
	if !wasOpen && f.isOpen() {
		t.openFlows.Add(1)
	}
}

func (t *traffic) closeLocked(f *flow) {
	if f.isOpen() {
		t.openFlows.Add(-1)
	}
	f.sampleAt, f.isLarge = 0, false
}

// come looks at a packet for an application, and says whether it answers
// something that left.
func (t *traffic) come(in *inner, p []byte, now int64) (evidence, bool) {
	switch {
	case in.kind == tcpSegment && in.flags&flagACK != 0 && t.openFlows.Load() != 0:
		return t.acknowledge(in, p, now)
	case (in.kind == echoReply || in.kind == dnsReply) && t.openRequests.Load() != 0:
		return t.reply(in, p, now)
	}
	return evidence{}, false
}

func (t *traffic) acknowledge(in *inner, p []byte, now int64) (evidence, bool) {
	key := in.flowKey(p, true)
	t.mu.Lock()
	defer t.mu.Unlock()
	f := &t.flows[key*0x9e3779b97f4a7c15>>60]
	if f.key != key || !f.isOpen() {
		return evidence{}, false
	}
	if f.isLarge && int32(in.ack-f.large) > 0 {
		f.isLarge = false
	}
	var proof evidence
	proven := f.sampleAt != 0 && int32(in.ack-f.sampleEnd) >= 0
	if proven {
		proof.kind = tcpSegment
		proof.from, _ = in.addresses(p)
		if !f.again {
			proof.rtt = time.Duration(now - f.sampleAt)
		}
		f.sampleAt, f.sampledAt = 0, now
	}
	if !f.isOpen() {
		t.openFlows.Add(-1)
	}
	return proof, proven
}

func (t *traffic) reply(in *inner, p []byte, now int64) (evidence, bool) {
	key := requestKey(in, p, true)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.requests {
		r := &t.requests[i]
		if r.at == 0 || r.key != key {
			continue
		}
		proof := evidence{kind: in.kind, from: r.to}
		if !r.again && !r.dns {
			proof.rtt = time.Duration(now - r.at)
		}
		r.at = 0
		t.openRequests.Add(-1)
		return proof, true
	}
	return evidence{}, false
}
