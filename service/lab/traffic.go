package lab

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	pingEvery     = 500 * time.Millisecond
	pingWithin    = 2 * time.Second
	exchangeEvery = 3 * time.Second
	// exchangeWithin is longer than a failover should take: a connection survives
	// a switch that keeps its addresses.
	exchangeWithin = 20 * time.Second
	// pingsKept is how many pings Between can look back on: more than an hour.
	pingsKept = 8192
)

// Network is a way into a tunnel.
type Network interface {
	// Ping sends one ICMP echo and returns its round trip, or an error when no
	// reply came before the context ended.
	Ping(ctx context.Context, to netip.Addr) (time.Duration, error)
	// DialContext opens a connection as net.Dialer does.
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// TrafficOptions say where background traffic goes. The zero value goes to an
// address beyond every server of a lab.
type TrafficOptions struct {
	// Ping is the address that is pinged. Zero: 198.51.100.1.
	Ping netip.Addr
	// Web is where HTTP requests go. Zero: port 80 at 198.51.100.1.
	Web netip.AddrPort
	// OnPing hears of each ping when its fate is known, and of it alone. Nil:
	// nobody does. It is called by one goroutine at a time.
	OnPing func(Ping)
}

// Ping is one echo request.
type Ping struct {
	SentAt time.Time
	// RTT is the round trip. 0: no answer came.
	RTT time.Duration
	// Answered says whether an answer came.
	Answered bool
}

// TrafficCounts are what background traffic has seen since it began.
type TrafficCounts struct {
	// Answered and Lost count the pings whose fate is known.
	Answered, Lost uint64
	// AnsweredAt and LostAt are when the last of them were sent. Zero: none.
	AnsweredAt, LostAt time.Time
	// RTT is the round trip of the last that was answered. 0: none was.
	RTT time.Duration
	// Exchanges and Failed count the TCP exchanges that ended well or badly.
	Exchanges, Failed uint64
	// ServedBy names the lab's server that answered the last exchange. "": none.
	ServedBy string
}

// Traffic keeps a tunnel busy as a person would: a ping every half second and a
// small HTTP exchange every three seconds.
type Traffic struct {
	network Network
	options TrafficOptions

	hearing sync.Mutex // orders calls of OnPing

	mu     sync.Mutex // protects what follows
	counts TrafficCounts
	pings  []Ping // a ring of pingsKept
	next   int    // where the ring goes on
}

// NewTraffic prepares traffic; Run makes it.
func NewTraffic(network Network, options TrafficOptions) *Traffic {
	world := netip.AddrFrom4([4]byte{198, 51, 100, 1})
	if !options.Ping.IsValid() {
		options.Ping = world
	}
	if !options.Web.IsValid() {
		options.Web = netip.AddrPortFrom(world, PortHTTP)
	}
	return &Traffic{network: network, options: options}
}

// Run makes traffic until the context ends, and returns when all it has started
// has ended. What is under way then is not counted. It is called once.
func (t *Traffic) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { t.exchangeAll(ctx) })
	again := time.NewTicker(pingEvery)
	defer again.Stop()
	for {
		running.Go(func() { t.ping(ctx) })
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (t *Traffic) ping(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	sentAt := time.Now()
	rtt, err := t.network.Ping(limited, t.options.Ping)
	if err != nil {
		// An error may come at once, while the network is away. The ping is lost
		// all the same, but that is not known before its time is up.
		<-limited.Done()
		rtt = 0
	}
	if ctx.Err() != nil {
		return
	}
	p := Ping{SentAt: sentAt, RTT: rtt, Answered: err == nil}
	t.note(p)
	if t.options.OnPing != nil {
		t.hearing.Lock()
		defer t.hearing.Unlock()
		t.options.OnPing(p)
	}
}

func (t *Traffic) note(p Ping) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.Answered {
		t.counts.Answered++
		t.counts.RTT = p.RTT
		t.counts.AnsweredAt = later(t.counts.AnsweredAt, p.SentAt)
	} else {
		t.counts.Lost++
		t.counts.LostAt = later(t.counts.LostAt, p.SentAt)
	}
	if len(t.pings) < pingsKept {
		t.pings = append(t.pings, p)
		return
	}
	t.pings[t.next] = p
	t.next = (t.next + 1) % pingsKept
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// exchangeAll makes one exchange after the other.
func (t *Traffic) exchangeAll(ctx context.Context) {
	again := time.NewTicker(exchangeEvery)
	defer again.Stop()
	for {
		servedBy, err := t.exchange(ctx)
		if ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		if err != nil {
			t.counts.Failed++
		} else {
			t.counts.Exchanges++
			t.counts.ServedBy = servedBy
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// exchange asks for an answer without content and returns the name of the server
// that gave it.
func (t *Traffic) exchange(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeWithin)
	defer cancel()
	c, err := t.network.DialContext(ctx, "tcp", t.options.Web.String())
	if err != nil {
		return "", fmt.Errorf("dial through the tunnel: %w", err)
	}
	defer func() { _ = c.Close() }()
	// The end of the context, early or not, ends what waits on the connection.
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.options.Web.String()+"/generate_204", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("make request: %w", err)
	}
	request.Close = true
	if err := request.Write(c); err != nil {
		return "", fmt.Errorf("send request: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), request)
	if err != nil {
		return "", fmt.Errorf("read answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusNoContent {
		return "", fmt.Errorf("read answer: %s", answer.Status)
	}
	return answer.Header.Get(ServerHeader), nil
}

// Counts are what has been seen so far.
func (t *Traffic) Counts() TrafficCounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

// Between counts the pings sent from one moment until before another whose fate
// is known. It looks back an hour.
func (t *Traffic) Between(from, until time.Time) (answered, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.pings {
		switch {
		case p.SentAt.Before(from) || !p.SentAt.Before(until):
		case p.Answered:
			answered++
		default:
			lost++
		}
	}
	return answered, lost
}
