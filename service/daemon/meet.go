package daemon

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/service/tunnel"
)

// meetWithin bounds the look-ups before a wish is taken in. A resolver of this
// computer that has not answered by then will not.
const meetWithin = 2 * time.Second

// meet looks up a target's servers while the guard is open, where the name
// servers are programs on this computer: what those ask is kept in, as everybody
// else's, once the guard is shut for the target. What is found now is remembered.
func (d *Daemon) meet(ctx context.Context, target tunnel.Name) {
	s, ok := d.network.(*system)
	if !ok || d.guard == nil || d.guard.State().Set.Shut() {
		return
	}
	members, err := d.library.Resolve(target)
	if err != nil {
		return // Connect says so
	}
	s.Remember()
	servers := s.NameServers()
	if len(servers) == 0 || slices.ContainsFunc(servers, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() }) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, meetWithin)
	defer cancel()
	var asking sync.WaitGroup
	for _, m := range members {
		cfg, err := d.library.Tunnel(m.Name)
		if err != nil {
			continue
		}
		for i := range cfg.Peers {
			if host := cfg.Peers[i].Endpoint.Host; host != "" {
				asking.Go(func() { _, _ = s.Lookup(ctx, host) }) // the start of the tunnel tells
			}
		}
	}
	asking.Wait()
}
