// Package webtest stands behind the API in tests: an engine, a library, a
// history and a log that live in memory and do at once what they are asked.
// It knows nothing of WireGuard and is part of no program.
package webtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web"
	"holdfast/web/api"
)

// Conf is a configuration as a provider hands it out.
const Conf = `[Interface]
PrivateKey = ` + PrivateKey + `
Address = 10.64.0.2/32
DNS = 10.64.0.1
PostUp = touch /tmp/owned

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
PresharedKey = ` + PresharedKey + `
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = vpn.example.net:51820
`

// The secrets of Conf, to be looked for where they must not be.
const (
	PrivateKey   = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
	PresharedKey = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="
)

// Now is the moment of everything in a World.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// errTaken is what the library's own errors look like: not those of package api.
var errTaken = errors.New("taken")

// World is everything behind the API. Make one with New; its methods are safe
// for concurrent use.
type World struct {
	Hub  *web.Hub
	Done chan struct{} // close it to stop the service

	mu      sync.Mutex
	status  status.Status
	seats   map[chan *status.Status]struct{}
	tunnels map[tunnel.Name]*tunnel.Config
	groups  map[tunnel.Name][]tunnel.Name
	policy  failover.Policy
	events  []event.Event
	audits  []web.AuditRecord
	changed []tunnel.Name
	fail    error
}

// New makes a world with the tunnels nl and de and the group home of both, off.
func New() *World {
	w := &World{
		Hub: web.NewHub(), Done: make(chan struct{}),
		seats:   map[chan *status.Status]struct{}{},
		tunnels: map[tunnel.Name]*tunnel.Config{},
		groups:  map[tunnel.Name][]tunnel.Name{"home": {"nl", "de"}},
		policy:  failover.DefaultPolicy(),
	}
	w.policy.Guard = failover.GuardAuto
	for _, name := range []tunnel.Name{"nl", "de"} {
		c, err := tunnel.Parse([]byte(Conf))
		if err != nil {
			panic(err)
		}
		w.tunnels[name] = c
	}
	w.status = status.Status{
		Schema: status.Schema, At: Now, Overall: status.Off, Underlay: "ok",
		Members: []status.Member{}, Notices: []event.Notice{}, Guard: guardOf(w.policy),
	}
	return w
}

// Deps is what web.New needs.
func (w *World) Deps() web.Deps {
	return web.Deps{
		Engine: w, Library: w, History: w, Events: w.Hub, Logs: w,
		Version: api.Version{Schema: api.Schema, Version: "1.2.3", Commit: "abc", Go: "go1.26", OS: "linux", Arch: "amd64"},
		Done:    w.Done,
		Audit: func(r web.AuditRecord) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.audits = append(w.audits, r)
		},
		Code: func(err error) api.Code {
			if errors.Is(err, errTaken) {
				return api.Conflict
			}
			return ""
		},
	}
}

// Audits is what the audit was told.
func (w *World) Audits() []web.AuditRecord {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.audits)
}

// Changed is what the engine was told of, in order.
func (w *World) Changed() []tunnel.Name {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changed)
}

// Fail makes everything the engine and the history are asked end with an error.
func (w *World) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// Happen stores and publishes events, and numbers them.
func (w *World) Happen(kinds ...event.Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happen(kinds...)
}

func (w *World) happen(kinds ...event.Kind) {
	for _, k := range kinds {
		w.status.EventID++
		e := event.Event{ID: w.status.EventID, At: Now, Kind: k, Tunnel: w.status.Wish.Target}
		w.events = append(w.events, e)
		w.Hub.Publish([]event.Event{e})
	}
}

// Change changes the picture and shows it.
func (w *World) Change(do func(*status.Status)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change(do)
}

func (w *World) change(do func(*status.Status)) {
	do(&w.status)
	for seat := range w.seats {
		select {
		case <-seat:
		default:
		}
		p := w.status
		seat <- &p
	}
}

// Status is the picture.
func (w *World) Status() status.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

// Subscribe is that of an engine.
func (w *World) Subscribe() (<-chan *status.Status, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seat := make(chan *status.Status, 1)
	w.seats[seat] = struct{}{}
	return seat, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.seats, seat)
	}
}

// Connect makes the first member active.
func (w *World) Connect(_ context.Context, target tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	members := w.groups[target]
	if _, single := w.tunnels[target]; single {
		members = []tunnel.Name{target}
	}
	if len(members) == 0 {
		return fmt.Errorf("target: %w", api.ErrNotFound)
	}
	w.change(func(s *status.Status) {
		s.Wish = status.Wish{On: true, Target: target}
		s.Overall = status.Protected
		s.Guard = guardOf(w.policy)
		s.Members = nil
		for i, m := range members {
			role, stand := "fallback", "cold"
			if i == 0 {
				role, stand = "primary", "active"
			}
			s.Members = append(s.Members, status.Member{Tunnel: m, Role: role, Stand: stand})
		}
	})
	w.activate(members[0])
	w.happen(event.WishChanged)
	return nil
}

func (w *World) activate(name tunnel.Name) {
	w.change(func(s *status.Status) {
		age, rtt := int64(14000), 23.1
		at := Now.Add(-14 * time.Second)
		s.Active = &status.Active{
			Tunnel: name, Group: s.Wish.Target, Since: Now, State: tunnel.Up, Verdict: health.Healthy,
			LastHandshake: &at, HandshakeAgeMs: &age, LastRoundTrip: &at, RxBytes: 1, TxBytes: 2,
			Endpoint: "203.0.113.9:51820", RTTMs: &rtt,
		}
	})
}

// Disconnect leaves no tunnel.
func (w *World) Disconnect(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.change(func(s *status.Status) {
		s.Wish.On, s.Overall, s.Active, s.Members = false, status.Off, nil, []status.Member{}
		s.Guard = guardOf(w.policy)
	})
	w.happen(event.WishChanged)
	return nil
}

// Reconnect only happens.
func (w *World) Reconnect(context.Context) error {
	w.Happen(event.Restarted)
	return nil
}

// SwitchTo makes a member active.
func (w *World) SwitchTo(_ context.Context, name tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.activate(name)
	w.happen(event.FailedOver)
	return nil
}

// SetGuard shows what was asked for.
func (w *World) SetGuard(_ context.Context, action api.GuardAction, pause time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.change(func(s *status.Status) {
		s.Guard = guardOf(w.policy)
		s.Guard.Released = action == api.GuardRelease
		if action == api.GuardPause {
			until := Now.Add(pause)
			s.Guard.PausedUntil = &until
		}
	})
	w.happen(event.GuardChanged)
	return nil
}

// guardOf is a guard that does at once what the settings say.
func guardOf(p failover.Policy) status.Guard {
	return status.Guard{Mode: p.Guard, Verified: p.Guard != failover.GuardOff}
}

// Ack knows the notice 7 alone.
func (w *World) Ack(_ context.Context, id int64) error {
	if id != 7 {
		return api.ErrNotFound
	}
	return nil
}

// Diagnose looks at the router and finds nothing.
func (w *World) Diagnose(_ context.Context, tell func(api.Finding)) (api.Diagnosis, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	tell(api.Finding{Name: "router", Result: "running"})
	tell(api.Finding{Name: "router", Result: "ok", Evidence: "it answers", TookMs: 3})
	return api.Diagnosis{At: Now, Verdict: health.Healthy, Code: event.CodeNothingWrong}, w.fail
}

// ConfigsChanged is remembered for Changed.
func (w *World) ConfigsChanged(_ context.Context, changed tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = append(w.changed, changed)
	if w.status.Guard.Mode != w.policy.Guard {
		w.change(func(s *status.Status) { s.Guard = guardOf(w.policy) })
	}
	return nil
}

// Events answers from memory.
func (w *World) Events(_ context.Context, q api.EventQuery) (api.EventPage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return api.EventPage{}, w.fail
	}
	all := slices.Clone(w.events)
	if !q.Forwards() {
		slices.Reverse(all)
	}
	page := api.EventPage{}
	for _, e := range all {
		if e.ID <= q.After || q.Before > 0 && e.ID >= q.Before || len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.Kind) {
			continue
		}
		if len(page.Events) == q.Limit {
			page.More = true
			break
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

// Forget drops the stored events up to an ID.
func (w *World) Forget(upTo int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = slices.DeleteFunc(w.events, func(e event.Event) bool { return e.ID <= upTo })
}

// Samples are two.
func (w *World) Samples(_ context.Context, q api.SampleQuery) (api.Samples, error) {
	one := api.Sample{At: q.Since, Tunnel: "nl", RxBytes: 1, Verdict: health.Healthy}
	return api.Samples{StepMs: q.Step.Milliseconds(), Samples: []api.Sample{one, one}}, nil
}

// Summary counts one failover.
func (w *World) Summary(_ context.Context, since, until time.Time) (api.Summary, error) {
	return api.Summary{Since: since, Until: until, Failovers: 1}, nil
}

// Story is every event.
func (w *World) Story(context.Context, time.Time, time.Time) (status.Known, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return status.Known{Events: slices.Clone(w.events)}, w.fail
}

// Notices are those of the picture.
func (w *World) Notices(context.Context, bool) ([]event.Notice, error) {
	return w.Status().Notices, nil
}

// Tail is one line, and one that follows.
func (w *World) Tail(int) ([]api.LogLine, <-chan api.LogLine, func()) {
	more := make(chan api.LogLine, 1)
	more <- api.LogLine{At: Now, Level: "warn", Text: "later"}
	return []api.LogLine{{At: Now, Level: "info", Text: "endpoint=198.51.100.7:51820 key=" + PrivateKey + " user=/home/ann/x"}}, more, func() {}
}

// Tunnels lists.
func (w *World) Tunnels() []tunnel.Name {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.tunnels))
}

// Tunnel gives one.
func (w *World) Tunnel(name tunnel.Name) (*tunnel.Config, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.tunnels[name]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("tunnel %q: %w", name, api.ErrNotFound)
}

// Save keeps one.
func (w *World) Save(name tunnel.Name, c *tunnel.Config, overwrite bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.tunnels[name]; there && !overwrite || w.groups[name] != nil {
		return fmt.Errorf("tunnel %q: %w", name, errTaken)
	}
	w.tunnels[name] = c
	return nil
}

// Remove drops one.
func (w *World) Remove(name tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.tunnels[name]; !there {
		return api.ErrNotFound
	}
	for _, members := range w.groups {
		if slices.Contains(members, name) {
			return errTaken
		}
	}
	delete(w.tunnels, name)
	return nil
}

// Rename renames one, in its groups too.
func (w *World) Rename(old, to tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, there := w.tunnels[old]
	if !there {
		return api.ErrNotFound
	}
	if _, taken := w.tunnels[to]; taken {
		return errTaken
	}
	delete(w.tunnels, old)
	w.tunnels[to] = c
	for _, members := range w.groups {
		if i := slices.Index(members, old); i >= 0 {
			members[i] = to
		}
	}
	return nil
}

// Groups lists.
func (w *World) Groups() map[tunnel.Name][]tunnel.Name {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[tunnel.Name][]tunnel.Name{}
	for name, members := range w.groups {
		out[name] = slices.Clone(members)
	}
	return out
}

// SetGroup keeps one.
func (w *World) SetGroup(name tunnel.Name, members []tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, taken := w.tunnels[name]; taken {
		return errTaken
	}
	w.groups[name] = slices.Clone(members)
	return nil
}

// RemoveGroup drops one.
func (w *World) RemoveGroup(name tunnel.Name) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.groups[name]; !there {
		return api.ErrNotFound
	}
	delete(w.groups, name)
	return nil
}

// Policy is the policy.
func (w *World) Policy() failover.Policy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policy
}

// SetSettings changes it.
func (w *World) SetSettings(set map[string]string) (failover.Policy, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.policy
	for key, value := range set {
		one, known := failover.Lookup(key)
		if !known {
			return p, api.ErrInvalid
		}
		if err := one.Set(&p, value); err != nil {
			return p, err
		}
	}
	w.policy = p
	return p, nil
}
