package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"
)

const (
	// nextServerAfter is how long a server may be silent before the next one
	// is asked too.
	nextServerAfter = time.Second
	// rounds is how often each server is asked: one packet may be lost.
	rounds = 2
	// graceForV6 is how long an answer of IPv4 waits for that of IPv6, and
	// graceForV4 the other way round: IPv4 is the one that is rarely missing.
	graceForV6 = 300 * time.Millisecond
	graceForV4 = 2 * time.Second
)

// reply is what one question came to.
type reply struct {
	family string
	addrs  []netip.Addr
	err    error
}

// ask asks the servers in turn and then once more, each next one when those
// before it failed or are slow, and returns the first answer. That a name has
// no address is one.
func (r *Resolver) ask(ctx context.Context, servers []netip.AddrPort, name string) ([]netip.Addr, error) {
	if addrs := hostsOnly(ctx, name); len(addrs) > 0 {
		return addrs, nil
	}
	if len(servers) == 0 {
		return nil, ErrNoServers
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	turns := slices.Repeat(servers, rounds)
	replies := make(chan reply, len(turns))
	next := time.NewTimer(0)
	defer next.Stop()
	var errs []error
	for asked := 0; len(errs) < len(turns); {
		select {
		case <-next.C:
			if asked < len(turns) {
				server := turns[asked]
				asked++
				go func() {
					addrs, err := r.askServer(ctx, server, name)
					replies <- reply{addrs: addrs, err: err}
				}()
				next.Reset(nextServerAfter)
			}
		case a := <-replies:
			if a.err == nil || errors.Is(a.err, ErrNotFound) {
				return a.addrs, a.err
			}
			errs = append(errs, a.err)
			next.Reset(0)
		case <-ctx.Done():
			return nil, errors.Join(append(errs, fmt.Errorf("no answer: %w", ctx.Err()))...)
		}
	}
	return nil, errors.Join(errs...)
}

// askServer asks one server for both families at once. It does not wait long
// for the second when it has the first: some servers never answer one kind.
func (r *Resolver) askServer(ctx context.Context, server netip.AddrPort, name string) ([]netip.Addr, error) {
	resolver := &net.Resolver{PreferGo: true, Dial: r.dialer(server)}
	replies := make(chan reply, 2)
	for _, family := range []string{"ip4", "ip6"} {
		go func() {
			// With its dot the name is whole: the search domains are the tunnel's.
			addrs, err := resolver.LookupNetIP(ctx, family, name+".")
			replies <- reply{family, addrs, err}
		}()
	}
	var all []netip.Addr
	var errs []error
	var grace <-chan time.Time
	for range 2 {
		select {
		case a := <-replies:
			if a.err != nil {
				errs = append(errs, a.err)
				continue
			}
			all = append(all, a.addrs...)
			grace = time.After(graceForV6)
			if a.family == "ip6" {
				grace = time.After(graceForV4)
			}
		case <-grace:
			return all, nil
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	for _, err := range errs {
		if !isNotFound(err) {
			return nil, err
		}
	}
	return nil, ErrNotFound
}

// isNotFound says that a server answered, and knows no address of the family.
func isNotFound(err error) bool {
	if e := (*net.AddrError)(nil); errors.As(err, &e) {
		return true
	}
	e := (*net.DNSError)(nil)
	return errors.As(err, &e) && e.IsNotFound
}

// errOffline ends every attempt to ask a server.
var errOffline = errors.New("no server is asked")

// hostsOnly returns what the system's hosts file says of a name. It is asked
// on its own because a name of one label is not found there with its dot, nor
// any name where no server is known.
func hostsOnly(ctx context.Context, name string) []netip.Addr {
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errOffline
	}}
	addrs, err := resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil
	}
	return addrs
}

// dialer leads every question to one server, whatever server the system's
// configuration names, which may by now be the tunnel's.
func (r *Resolver) dialer(server netip.AddrPort) func(context.Context, string, string) (net.Conn, error) {
	out := newOutlet(r.Mark, r.Ours, r.Permit)
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, _, err := out.dial(ctx, network, server) // ctx ends with the lookup, or before
		return c, err
	}
}
