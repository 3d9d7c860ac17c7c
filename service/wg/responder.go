package wg

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/tunnel"
)

const (
	// maxResponders is how many addresses are remembered that answer echoes.
	maxResponders = 8
	// maxCandidates is how many are remembered that may.
	maxCandidates = 8
	// maxTries is how many echoes a candidate is sent before it is given up.
	maxTries = 3
	// maxSilent is in how many rounds in a row a responder may be silent while
	// another one answers, before it is forgotten.
	maxSilent = 20
	// enoughBeyond is how many responders beyond the server make it needless to
	// look for more.
	enoughBeyond = 3
	// maxGivenUp bounds the addresses that are known not to answer.
	maxGivenUp = 32
)

// responder is an address inside the tunnel that has answered an echo.
type responder struct {
	addr   netip.Addr
	near   bool // likely the server's own
	dns    bool // it answers DNS queries and no echoes
	rtt    time.Duration
	silent int // rounds in a row without its answer in which another answered
}

// candidate is an address inside the tunnel that may answer an echo.
type candidate struct {
	addr  netip.Addr
	near  bool
	given bool // the config names it
	tries int
}

// responders are what is known of one member's inside. They outlive its device.
type responders struct {
	inside atomic.Pointer[inside]

	mu         sync.Mutex
	known      []responder
	candidates []candidate
	givenUp    []netip.Addr // the oldest first
}

// inside is what a config says about addresses inside the tunnel. It does not change.
type inside struct {
	own     []netip.Prefix
	allowed []netip.Prefix
	near    []netip.Addr
	dns     []netip.Addr // the config's resolvers
}

func newInside(cfg *tunnel.Config) *inside {
	in := &inside{own: cfg.Interface.Addresses}
	for i := range cfg.Peers {
		in.allowed = append(in.allowed, cfg.Peers[i].AllowedIPs...)
	}
	for _, p := range in.own {
		in.addNear(firstOf(p))
	}
	// An allowed address with its full length is a single machine; where its
	// network is also ours, it is likely the server.
	for _, p := range in.allowed {
		if p.IsSingleIP() && slices.ContainsFunc(in.own, func(o netip.Prefix) bool { return sameNet(o, p.Addr()) }) {
			in.addNear(p.Addr())
		}
	}
	for _, a := range cfg.Interface.DNS {
		if in.reaches(a) {
			in.dns = append(in.dns, a)
		}
	}
	return in
}

func (in *inside) addNear(a netip.Addr) {
	if in.reaches(a) && !slices.Contains(in.near, a) {
		in.near = append(in.near, a)
	}
}

// wide is the network of an interface's address, or where only the address
// itself is given, the one it is usually taken from.
func wide(p netip.Prefix) netip.Prefix {
	if bits := p.Bits(); !p.IsSingleIP() && bits < p.Addr().BitLen()-1 {
		return p.Masked()
	}
	bits := 64
	if p.Addr().Is4() {
		bits = 24
	}
	return netip.PrefixFrom(p.Addr(), bits).Masked()
}

func firstOf(p netip.Prefix) netip.Addr { return wide(p).Addr().Next() }

func sameNet(own netip.Prefix, a netip.Addr) bool { return wide(own).Contains(a) }

// resolves says that the config names a as a resolver.
func (in *inside) resolves(a netip.Addr) bool { return slices.Contains(in.dns, a) }

// reaches says that a packet of ours to a would go through the tunnel.
func (in *inside) reaches(a netip.Addr) bool {
	if !a.IsValid() || a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() || !in.source(a).IsValid() {
		return false
	}
	for _, p := range in.own {
		if p.Addr() == a {
			return false
		}
	}
	return slices.ContainsFunc(in.allowed, func(p netip.Prefix) bool { return p.Contains(a) })
}

// source is the interface's own address from which to ask to: of its family, the
// one whose network it lies in, or else the first that is of use beyond the
// link. The zero value: there is none.
func (in *inside) source(to netip.Addr) netip.Addr {
	var best netip.Prefix
	for _, p := range in.own {
		if p.Addr().Is4() == to.Is4() && (!best.IsValid() || sourceRank(p, to) > sourceRank(best, to)) {
			best = p
		}
	}
	return best.Addr()
}

func sourceRank(own netip.Prefix, to netip.Addr) int {
	switch {
	case sameNet(own, to):
		return 2
	case !own.Addr().IsLinkLocalUnicast():
		return 1
	}
	return 0
}

// configure takes a config. What was learned stays while it is still inside the tunnel.
func (r *responders) configure(cfg *tunnel.Config) {
	in := newInside(cfg)
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.inside.Load(); old != nil && !slices.Equal(old.own, in.own) {
		r.known, r.candidates, r.givenUp = nil, nil, nil // another network
	}
	r.inside.Store(in)
	r.known = slices.DeleteFunc(r.known, func(k responder) bool { return !in.reaches(k.addr) })
	r.candidates = slices.DeleteFunc(r.candidates, func(c candidate) bool { return c.given || !in.reaches(c.addr) })
	for _, a := range in.near {
		r.suggestLocked(candidate{addr: a, near: true, given: true})
	}
	for _, a := range in.dns {
		r.suggestLocked(candidate{addr: a, given: true})
	}
}

// learnedLocked is what is known of the inside of a tunnel, under its present
// config. d.mu is held.
func (d *Devices) learnedLocked(name tunnel.Name, cfg *tunnel.Config) *responders {
	r := d.learned[name]
	if r == nil {
		r = &responders{}
		d.learned[name] = r
	}
	r.configure(cfg)
	return r
}

// suggest notes an address that has answered an application, though no echo.
func (r *responders) suggest(a netip.Addr) {
	if in := r.inside.Load(); in == nil || !in.reaches(a) || isStranger(a) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.suggestLocked(candidate{addr: a})
}

func (r *responders) suggestLocked(c candidate) {
	if len(r.candidates) >= maxCandidates || r.findLocked(c.addr) != nil || slices.Contains(r.givenUp, c.addr) ||
		slices.ContainsFunc(r.candidates, func(o candidate) bool { return o.addr == c.addr }) {
		return
	}
	r.candidates = append(r.candidates, c)
}

func (r *responders) findLocked(a netip.Addr) *responder {
	for i := range r.known {
		if r.known[i].addr == a {
			return &r.known[i]
		}
	}
	return nil
}

// way is how a can be asked: known is false while it has not answered.
func (r *responders) way(a netip.Addr) (known, onlyDNS bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.findLocked(a)
	return k != nil, k != nil && k.dns
}

// answered notes that a has answered an echo, or where dns is set a query of
// ours. rtt 0: not known.
func (r *responders) answered(a netip.Addr, rtt time.Duration, dns bool) {
	in := r.inside.Load()
	if in == nil || !in.reaches(a) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.findLocked(a)
	if k == nil {
		r.candidates = slices.DeleteFunc(r.candidates, func(c candidate) bool { return c.addr == a })
		r.givenUp = slices.DeleteFunc(r.givenUp, func(o netip.Addr) bool { return o == a })
		if k = r.placeLocked(); k == nil {
			return
		}
		*k = responder{addr: a, near: slices.Contains(in.near, a), dns: dns}
	}
	k.silent = 0
	k.dns = k.dns && dns
	switch {
	case rtt == 0:
	case k.rtt == 0:
		k.rtt = rtt
	default:
		k.rtt += (rtt - k.rtt) / 8
	}
}

// placeLocked makes room for a new responder, in place of the most silent one
// where all are taken. nil: all are taken and answer.
func (r *responders) placeLocked() *responder {
	if len(r.known) < maxResponders {
		r.known = append(r.known, responder{})
		return &r.known[len(r.known)-1]
	}
	worst := &r.known[0]
	for i := range r.known {
		if r.known[i].silent > worst.silent {
			worst = &r.known[i]
		}
	}
	if worst.silent == 0 {
		return nil
	}
	return worst
}

// wasSilent notes that a did not answer in a round in which another did, and
// says whether it is one that usually does.
func (r *responders) wasSilent(a netip.Addr) (usual bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.findLocked(a)
	if k == nil {
		return false
	}
	k.silent++
	if k.silent >= maxSilent {
		r.known = slices.DeleteFunc(r.known, func(o responder) bool { return o.addr == a })
		r.giveUpLocked(a)
		return false
	}
	return k.silent < maxTries
}

func (r *responders) giveUpLocked(a netip.Addr) {
	if len(r.givenUp) == maxGivenUp {
		r.givenUp = slices.Delete(r.givenUp, 0, 1)
	}
	r.givenUp = append(r.givenUp, a)
}

// best returns up to most responders, those that answer before those that are
// silent, private ones before public ones, near ones before far ones.
func (r *responders) best(near bool, most int) []netip.Addr { return r.bestOf(near, true, most) }

// cgnat is the shared address space of RFC 6598, which VPNs use inside, too.
var cgnat = netip.MustParsePrefix("100.64.0.0/10")

// isStranger says that an address belongs to somebody on the internet, who has
// nothing to do with the tunnel. A stranger is not asked to find out whether it
// answers, and a tunnel that works asks none.
func isStranger(a netip.Addr) bool {
	return !a.IsPrivate() && !a.IsLinkLocalUnicast() && !cgnat.Contains(a)
}

// bestOf is best with or without those that answer no echo.
func (r *responders) bestOf(near, dns bool, most int) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []responder
	for _, k := range r.known {
		if k.near == near && (dns || !k.dns) {
			found = append(found, k)
		}
	}
	slices.SortStableFunc(found, func(a, b responder) int {
		if a.silent != b.silent {
			return a.silent - b.silent
		}
		if a.addr.IsPrivate() != b.addr.IsPrivate() {
			if a.addr.IsPrivate() {
				return -1
			}
			return 1
		}
		return int(a.rtt/time.Millisecond) - int(b.rtt/time.Millisecond)
	})
	var addrs []netip.Addr
	for _, k := range found[:min(most, len(found))] {
		addrs = append(addrs, k.addr)
	}
	return addrs
}

// count is how many responders there are.
func (r *responders) count() (near, beyond int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.known {
		if k.near {
			near++
		} else {
			beyond++
		}
	}
	return near, beyond
}

// given lists the candidates that the config names, without counting a try.
func (r *responders) given(near bool) []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	var addrs []netip.Addr
	for _, c := range r.candidates {
		if c.given && c.near == near {
			addrs = append(addrs, c.addr)
		}
	}
	return addrs
}

// next takes the candidate that is to be tried now and counts the try. more is
// whether the config names others that have not been tried out: they are worth
// asking soon. An invalid address: there is none.
func (r *responders) next() (a netip.Addr, more bool) {
	_, beyond := r.count()
	r.mu.Lock()
	defer r.mu.Unlock()
	at := -1
	for i, c := range r.candidates {
		if !c.given && beyond >= enoughBeyond {
			continue
		}
		if at < 0 || rankCandidate(c) < rankCandidate(r.candidates[at]) {
			at = i
		}
	}
	if at < 0 {
		return a, false
	}
	c := &r.candidates[at]
	a = c.addr
	if c.tries++; c.tries >= maxTries {
		r.giveUpLocked(a)
		r.candidates = slices.Delete(r.candidates, at, at+1)
	}
	return a, slices.ContainsFunc(r.candidates, func(c candidate) bool { return c.given })
}

// rankCandidate puts those of the config first, then private ones, then those
// tried least.
func rankCandidate(c candidate) int {
	rank := c.tries
	if !c.given {
		rank += 2 * maxTries
		if !c.addr.IsPrivate() {
			rank += maxTries
		}
	}
	return rank
}
