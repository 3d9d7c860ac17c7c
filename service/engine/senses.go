package engine

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/tunnel"
)

// Resolve finds the addresses of a name outside the tunnel. Addresses beside an
// error are those of an earlier answer.
type Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

// Outside asks the network below the tunnel how far it reaches.
type Outside interface {
	// Gateway asks the router of this network.
	Gateway(ctx context.Context) diagnose.Gateway
	// Internet asks pages that are known to answer with nothing.
	Internet(ctx context.Context, pages []string) diagnose.Internet
	// Knock sends the endpoint a datagram that is no WireGuard, and its host an echo.
	Knock(ctx context.Context, to netip.AddrPort) diagnose.Knock
	// Route is the way the system would send there.
	Route(to netip.AddrPort) diagnose.Route
}

// Senses are what an operator looks around with, outside the tunnel. What is
// nil is not looked at.
type Senses struct {
	Outside Outside
	Resolve Resolve
	// Clock says how this computer's clock stands.
	Clock func() diagnose.Clock
	// Late asks a member whether our clock is why it does not answer: with a date
	// of now, and with one that is later than all it has seen. It is asked only
	// where the clock is behind.
	Late func(ctx context.Context, id tunnel.Name) (asked, proven bool)
}

// Equip gives the operator its senses. It must be called before anything is
// examined.
func (o *Operator) Equip(s Senses) { o.senses = s }

// acquaintances are the hosts of endpoints that have answered a knock, and the
// router of the network in which they did: in another one, what is filtered on
// the way is something else. The zero value is ready.
type acquaintances struct {
	mu    sync.Mutex
	known map[netip.Addr]netip.Addr
	// refusals are the endpoints whose host has refused a datagram, by router.
	refusals map[refusal]time.Time
}

type refusal struct {
	at     netip.AddrPort
	router netip.Addr
}

// refusedFor is how long a refusal is taken for the reason of a silence. Until
// then we ask so often that a host has none left for the next knock.
const refusedFor = 90 * time.Second

// refuse notes that an endpoint's host has refused a datagram.
func (a *acquaintances) refuse(now time.Time, at netip.AddrPort, router netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusals == nil || len(a.refusals) >= maxKnown {
		a.refusals = map[refusal]time.Time{}
	}
	a.refusals[refusal{at, router}] = now
}

// refused says that it did so lately.
func (a *acquaintances) refused(now time.Time, at netip.AddrPort, router netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	last, known := a.refusals[refusal{at, router}]
	return known && now.Sub(last) < refusedFor
}

// maxKnown bounds them. Endpoints' names may change their addresses for ever.
const maxKnown = 256

// meet notes that a host answers in the network of this router.
func (a *acquaintances) meet(host, router netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= maxKnown {
		a.known = map[netip.Addr]netip.Addr{}
	}
	a.known[host.Unmap()] = router
}

// knows says that a host has answered in the network of this router.
func (a *acquaintances) knows(host, router netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, known := a.known[host.Unmap()]
	return known && r == router
}
