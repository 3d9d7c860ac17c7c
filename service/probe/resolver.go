package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"holdfast/service/underlay"
)

const (
	// lookupTimeout bounds one lookup. When it ends the lookup has failed.
	lookupTimeout = 5 * time.Second
	// askEvery is how long what a lookup came to stands for those that follow.
	askEvery = 10 * time.Second
	// maxAddrs is the number of addresses that are taken from an answer, half
	// of them for each family where both have as many.
	maxAddrs = 16
	// maxNames is the number of names whose answers are kept.
	maxNames = 256
)

// What a Lookup may fail with, beside the errors of package net.
var (
	// ErrStale says that the lookup failed and that the addresses beside the
	// error are those of the last one that did not. It also wraps why it failed.
	ErrStale = errors.New("the addresses are of an earlier lookup")
	// ErrNotFound says that the name servers know no address by the name.
	ErrNotFound = errors.New("the name has no address")
	// ErrRefused says that the answer held no address at which a server can
	// be: loopback, link-local, multicast, unspecified or our own.
	ErrRefused = errors.New("the answer has no address that can be a server's")
	// ErrNoServers says that the underlay has named no name server.
	ErrNoServers = errors.New("the network has no name server")
)

// Options says how a Resolver works. The zero value is usable.
type Options struct {
	// Mark is the firewall mark of what is sent, where the system has marks; else
	// see OutsideOptions. 0: none.
	Mark uint32
	// Ours says that an interface is a tunnel of ours, by which nothing is sent.
	// nil: none is.
	Ours func(iface string) bool
	// Permit lets what is sent pass the guard to exactly one address, of "udp",
	// "tcp" or "icmp", until done is called. It is called once for each question
	// and must return at once. nil: there is no guard.
	Permit func(network string, to netip.AddrPort) (done func())
	// ResolvConf is the file that names the servers. "": /etc/resolv.conf; on
	// Windows, where there is none, and on macOS, where it names those of a tunnel
	// while that is up, the interfaces that are not Ours do.
	ResolvConf string
	// ResolvedConf is read instead where ResolvConf only names the local stub
	// of systemd-resolved. "": /run/systemd/resolve/resolv.conf.
	ResolvedConf string
	// Servers are the name servers. Empty: those of the above.
	Servers []netip.AddrPort
	// CacheFile keeps the last good answers over a restart. "": they are not kept.
	CacheFile string
	// AllowLoopback allows loopback and own addresses in answers, for servers
	// in this process.
	AllowLoopback bool
	// Log gets warnings. nil: none.
	Log *slog.Logger
}

// Resolver looks up names outside the tunnel. It is safe for concurrent use.
// Its queries leave by the network namespace of the process.
type Resolver struct {
	Options

	mu      sync.Mutex
	servers []netip.AddrPort
	asked   bool               // Remember has been called
	flights map[string]*flight // by name
	good    map[string]answer  // by name: the last good answers
	recent  map[string]result  // by name: what the last lookup of this process came to
}

// flight is a lookup under way. Its result may be read when done is closed.
type flight struct {
	done  chan struct{}
	addrs []netip.Addr
	err   error
}

type answer struct {
	Addrs []netip.Addr `json:"addrs"`
	At    time.Time    `json:"at"`
}

type result struct {
	addrs []netip.Addr
	err   error
	at    time.Time
	// first says that the name had not been asked for before.
	first bool
}

// stands says that a name is not asked for anew yet. The first answer is that
// for a tunnel that starts: the doubt that may follow at once must be able to
// find out that the server has moved. The clock that goes on while the machine
// sleeps must agree.
func (r result) stands(now time.Time) bool {
	if r.first && r.err == nil {
		return false
	}
	return now.Sub(r.at) < askEvery && now.Round(0).Sub(r.at.Round(0)).Abs() < askEvery
}

// NewResolver returns a Resolver with the answers of its CacheFile.
func NewResolver(o Options) *Resolver {
	if o.ResolvConf == "" {
		o.ResolvConf = resolvConf
	}
	if o.ResolvedConf == "" {
		o.ResolvedConf = "/run/systemd/resolve/resolv.conf"
	}
	if o.Ours == nil {
		o.Ours = underlay.None
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{
		Options: o,
		servers: o.Servers,
		flights: map[string]*flight{},
		recent:  map[string]result{},
	}
	r.good = r.readCache()
	return r
}

// Lookup returns the addresses of a host, IPv4 first, at most 16. An address
// is returned as it is; a name is looked up without the search domains.
//
// Where the lookup fails and an earlier one did not, it returns the earlier
// addresses and an error that wraps ErrStale: a caller that needs an address
// goes by their number, not by the error. A lookup takes 5 s at most. A failure
// stands for 10 s, and so does an answer but the first of a name: sooner the name
// servers are not asked again, unless Remember is called or the machine slept.
// After that they are, always: no answer is kept longer because it said so.
func (r *Resolver) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "" || len(name) > 253 {
		return nil, fmt.Errorf("look up %.64q: %w", host, ErrNotFound)
	}
	f := r.flightTo(name)
	select {
	case <-f.done:
	case <-ctx.Done():
		f = &flight{err: ctx.Err()}
	}
	if f.err == nil {
		return append([]netip.Addr(nil), f.addrs...), nil
	}
	err := fmt.Errorf("look up %s: %w", name, f.err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, ok := r.good[name]; ok {
		return append([]netip.Addr(nil), last.Addrs...), fmt.Errorf("%w: %w", ErrStale, err)
	}
	return nil, err
}

// flightTo returns the lookup of a name that is under way or has just ended, or
// begins one. The lookup goes on when its caller is gone: others may wait
// for it, and its answer is kept.
func (r *Resolver) flightTo(name string) *flight {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[name]; f != nil {
		return f
	}
	f := &flight{done: make(chan struct{})}
	if past, ok := r.recent[name]; ok && past.stands(time.Now()) {
		f.addrs, f.err = past.addrs, past.err
		close(f.done)
		return f
	}
	if !r.asked && len(r.Servers) == 0 {
		r.rememberLocked(nil)
	}
	servers := r.servers
	r.flights[name] = f
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		defer cancel()
		found, err := r.ask(ctx, servers, name)
		if err == nil {
			f.addrs, err = r.accept(name, found)
		}
		f.err = err
		r.land(name, f)
		close(f.done)
	}()
	return f
}

// land keeps what became of a lookup.
func (r *Resolver) land(name string, f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flights[name] == f {
		delete(r.flights, name)
	}
	now := time.Now()
	_, known := r.recent[name]
	if !known && len(r.recent) >= maxNames {
		maps.DeleteFunc(r.recent, func(_ string, past result) bool { return !past.stands(now) })
	}
	if known || len(r.recent) < maxNames {
		r.recent[name] = result{addrs: f.addrs, err: f.err, at: now, first: !known}
	}
	if f.err != nil {
		return
	}
	r.keepLocked(name, answer{Addrs: f.addrs, At: now})
}

// accept takes from an answer what can be a server's address.
func (r *Resolver) accept(name string, found []netip.Addr) ([]netip.Addr, error) {
	var own map[netip.Addr]bool
	if !r.AllowLoopback {
		own = ownAddrs()
	}
	var v4, v6 []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, a := range found {
		a = a.Unmap()
		if seen[a] || own[a] || !r.usable(a) {
			continue
		}
		seen[a] = true
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	if len(v4)+len(v6) == 0 {
		return nil, ErrRefused
	}
	if len(found) > len(v4)+len(v6) {
		r.Log.Warn("a part of an answer was refused", "name", name, "refused", len(found)-len(v4)-len(v6))
	}
	n4 := min(len(v4), max(maxAddrs/2, maxAddrs-len(v6)))
	n6 := min(len(v6), maxAddrs-n4)
	return append(v4[:n4:n4], v6[:n6]...), nil
}

// usable says that a server can be at an address.
func (r *Resolver) usable(a netip.Addr) bool {
	if a.IsLoopback() {
		return r.AllowLoopback
	}
	if a.Is4() && (a.As4()[0] == 0 || a.As4()[0] >= 240) {
		return false
	}
	return a.IsValid() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

func ownAddrs() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				own[ip.Unmap()] = true
			}
		}
	}
	return own
}
