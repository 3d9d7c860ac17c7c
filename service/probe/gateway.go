package probe

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/underlay"
)

// gatewayTimeout bounds the asking of the routers: the system gives up a
// neighbour that was known after 3 s, and may find it anew then.
const gatewayTimeout = 3500 * time.Millisecond

// firstGrace is how long the router of IPv4 may still answer after that of
// IPv6, so that the same one is named every time.
const firstGrace = 250 * time.Millisecond

// exit is a way out of this machine that is no tunnel: the best default route
// of one family.
type exit struct {
	index   int // of the interface
	iface   string
	gateway netip.Addr // with its zone where it is link-local; zero: there is none
}

// exits returns the best default route for each family, IPv4 first, by an
// interface that works and is no tunnel.
func exits(ours func(string) bool) ([]exit, error) {
	t, err := underlay.Read()
	if err != nil {
		return nil, err
	}
	var out []exit
	for _, r := range t.Exits(func(l underlay.Link) bool { return l.Tunnel || ours(l.Name) }) {
		l, _ := t.Link(r.Link)
		out = append(out, exit{index: r.Link, iface: l.Name, gateway: r.Gateway})
	}
	return out, nil
}

// Gateway asks the router of the default route outside all tunnels whether it
// is there, of IPv4 and IPv6 at once, and returns within 3.5 s. One that
// answers is enough. It is asked below IP where the system allows that, and by
// an echo: routers that pass over echoes are seen too, and so are those that a
// firewall hides. Where only the echo can be asked for, silence is no proof,
// and Err says so. Checked is false when ctx was cancelled before it was found
// out.
func (o *Outside) Gateway(ctx context.Context) diagnose.Gateway {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	start := time.Now()
	out := diagnose.Gateway{Checked: true}
	list, err := exits(o.Ours)
	if err != nil {
		out.Err = words(err)
		return out
	}
	if len(list) == 0 {
		out.Err = "no default route"
		return out
	}
	list = slices.DeleteFunc(list, func(e exit) bool { return !e.gateway.IsValid() })
	if len(list) == 0 {
		out.Err = "the default route has no router"
		return out
	}
	out.Addr = list[0].gateway
	found, proof, err := o.firstRouter(ctx, list)
	switch {
	case found.IsValid():
		out.Alive, out.Addr = true, found
	case isCancelled(caller):
		return diagnose.Gateway{}
	case !proof:
		out.Err = words(err)
	}
	out.Took = time.Since(start)
	return out
}

// firstRouter returns a router that answers, and the first of the list where it
// answers about as soon. Where none does, proof
// says whether one was asked in the way that each router answers, and err why
// not.
func (o *Outside) firstRouter(ctx context.Context, list []exit) (found netip.Addr, proof bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	type answer struct {
		exit  exit
		alive bool
		echo  bool
		err   error
	}
	answers := make(chan answer, 2*len(list))
	asked := 0
	for _, e := range list {
		if o.begin(ctx, &all, func() {
			alive, err := o.neighbour(ctx, e)
			answers <- answer{exit: e, alive: alive, err: err}
		}) {
			asked++
		}
		if o.begin(ctx, &all, func() {
			_, err := o.echo(ctx, e.gateway)
			answers <- answer{exit: e, alive: err == nil, echo: true}
		}) {
			asked++
		}
	}
	err = errNotAsked
	var grace <-chan time.Time
	for ; asked > 0; asked-- {
		var a answer
		select {
		case a = <-answers:
		case <-grace:
			return found, true, nil
		}
		switch {
		case a.alive && a.exit == list[0]:
			return a.exit.gateway, true, nil
		case a.alive && grace == nil:
			found = a.exit.gateway
			grace = time.After(firstGrace)
		case !a.echo && a.err == nil:
			proof = true
		case !a.echo && a.err != nil:
			err = a.err
		}
	}
	return found, proof, err
}
