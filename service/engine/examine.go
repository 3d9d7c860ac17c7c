package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Resolve finds the addresses of a name outside the tunnel.
type Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

// Examine looks at everything around the members now, at a person's request:
// it resolves the active member's endpoint and asks every member for a
// handshake, all at once. Members of a site in use are not asked, since that
// would disturb the live session. It takes as long as the slowest answer, and
// answerWithin at the most.
func (o *Operator) Examine(ctx context.Context, st status.Status, resolve Resolve) diagnose.Evidence {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	e := diagnose.Evidence{Usable: st.Underlay == "ok"}
	if !e.Usable {
		e.Underlay = tunnel.Cause(st.Underlay)
		return e
	}
	var active tunnel.Name
	if st.Active != nil {
		active = st.Active.Tunnel
	}
	var site tunnel.Site
	if cfg, err := o.config(active); err == nil {
		site = cfg.Site()
	}
	e.Others = make([]diagnose.Answer, 0, len(st.Members))
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for _, m := range st.Members {
		wg.Go(func() {
			a := o.question(ctx, m.Tunnel, active, site)
			mu.Lock()
			defer mu.Unlock()
			if m.Tunnel == active {
				e.Self = a
			} else {
				e.Others = append(e.Others, a)
			}
		})
	}
	wg.Go(func() { o.look(ctx, active, resolve, &e, &mu) })
	wg.Wait()
	return e
}

// look resolves the active member's endpoint.
func (o *Operator) look(ctx context.Context, active tunnel.Name, resolve Resolve, e *diagnose.Evidence, mu *sync.Mutex) {
	cfg, err := o.config(active)
	if err != nil || len(cfg.Peers) == 0 {
		return
	}
	host := cfg.Peers[0].Endpoint.Host
	if _, literal := cfg.Peers[0].Endpoint.Addr(); literal || host == "" {
		return
	}
	began := time.Now()
	addrs, err := resolve(ctx, host)
	mu.Lock()
	defer mu.Unlock()
	e.Name, e.Addresses, e.NameTook = host, len(addrs), time.Since(began)
	if err != nil {
		e.NameErr = err.Error()
	}
}

// question asks one member for a handshake.
func (o *Operator) question(ctx context.Context, id, active tunnel.Name, site tunnel.Site) diagnose.Answer {
	a := diagnose.Answer{Member: id}
	if id != active {
		cfg, err := o.config(id)
		if err != nil {
			a.Err = err.Error()
			return a
		}
		if cfg.Site() == site {
			return a
		}
	}
	rtt, err := o.ask(ctx, id)
	if err == nil {
		a.Asked, a.Answered, a.RTT = true, true, rtt
		return a
	}
	var silent silence
	if !errors.As(err, &silent) {
		a.Err = err.Error()
		return a
	}
	a.Asked = true
	responses, cookies, sending := silent.Seen()
	a.Responses, a.Cookies = responses, cookies
	if sending != nil {
		a.SendErr = sending.Error()
	}
	return a
}

// silence is the error of a member that was asked and did not answer: what came
// instead of an answer, and why nothing could be sent.
type silence interface {
	error
	Seen() (responses, cookies int, sending error)
}
