package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/guardset"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// hands are tunnels as the engine sees them: they do at once what they are
// asked, and what they carry is set by the test.
type hands struct {
	mu       sync.Mutex
	reports  chan failover.Input
	activity chan struct{}
	measured chan struct{}
	did      []failover.Action
	active   tunnel.Name
	counters map[tunnel.Name]*tunnel.Counters
	dead     map[tunnel.Name]bool // does not answer
	armed    bool
	mute     bool // reports nothing
	slow     bool // a start lasts until it is interrupted
	looks    int
	settled  int
	policy   failover.Policy
	guard    []guardset.Set // as they were handed over
	refuse   error          // what comes of a set
	starting tunnel.Name

	news         chan News
	asked        []health.Ask
	sought       int
	around       diagnose.Evidence
	acquainted   int
	lookedAround []Facts
}

func newHands() *hands {
	return &hands{
		reports: make(chan failover.Input, 64), activity: make(chan struct{}, 1), measured: make(chan struct{}, 1),
		news:     make(chan News, 64),
		counters: map[tunnel.Name]*tunnel.Counters{}, dead: map[tunnel.Name]bool{},
	}
}

func (h *hands) Do(a failover.Action) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.did = append(h.did, a)
	if h.mute {
		return
	}
	switch a.Do {
	case failover.Start, failover.Restart:
		if h.slow {
			h.starting = a.ID
			return
		}
		h.active = a.ID
		h.counters[a.ID] = &tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: time.Now()}
		h.reports <- failover.Changed{ID: a.ID, State: tunnel.Up}
	case failover.Switch:
		h.active = a.ID
		h.reports <- failover.Switched{From: a.From, To: a.ID}
	case failover.Stop:
		h.active = ""
		h.reports <- failover.Changed{ID: a.ID, State: tunnel.Down}
	case failover.Probe:
		if h.counters[a.ID] == nil {
			h.counters[a.ID] = &tunnel.Counters{RxBytes: 92, TxBytes: 148, Initiations: 1, LastHandshake: time.Now()}
		}
		h.reports <- failover.Probed{ID: a.ID, Answered: !h.dead[a.ID], RTT: 10 * time.Millisecond}
	case failover.Release:
		delete(h.counters, a.ID)
	}
}

func (h *hands) Interrupt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.starting != "" {
		h.reports <- failover.Changed{ID: h.starting, State: tunnel.Down, Err: errGivenUp}
		h.starting = ""
	}
}

func (h *hands) Reports() <-chan failover.Input { return h.reports }
func (h *hands) Activity() <-chan struct{}      { return h.activity }
func (h *hands) Measured() <-chan struct{}      { return h.measured }

func (h *hands) Watch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.armed = true
}

func (h *hands) Look() (Reading, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks++
	c := h.counters[h.active]
	if c == nil {
		return Reading{}, errNoActive
	}
	return Reading{Counters: *c, Endpoint: "192.0.2.1:51820", RTT: 10 * time.Millisecond}, nil
}

func (h *hands) Configure(p failover.Policy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policy = p
}

// Guard puts the set in force at once.
func (h *hands) Guard(s guardset.Set) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guard = append(h.guard, s)
	h.did = append(h.did, failover.Action{Do: shut, ID: tunnel.Name(s.Kind)})
	h.news <- Guarded{Set: s, Err: h.refuse}
}

func (h *hands) News() <-chan News { return h.news }

func (h *hands) Ask(a health.Ask) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, a)
}

func (h *hands) Seek() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sought++
}

// LookAround finds what the test has put there.
func (h *hands) LookAround(f Facts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookedAround = append(h.lookedAround, f)
	h.news <- Examined{h.around}
}

func (h *hands) Acquaintance() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acquainted++
}

func (h *hands) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled++
}

// send lets the active member send so many bytes of data, and its server answer
// with as many if it is alive.
func (h *hands) send(bytes uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.counters[h.active]
	if c == nil {
		return
	}
	c.TxBytes += bytes
	c.DataSent++
	if !h.dead[h.active] {
		c.RxBytes += bytes
		c.DataReceived++
		c.LastReceived, c.UnansweredSince = time.Now(), time.Time{}
	} else if c.UnansweredSince.IsZero() {
		c.UnansweredSince = time.Now()
	}
	if h.armed {
		h.armed = false
		h.activity <- struct{}{}
	}
}

func (h *hands) kill(id tunnel.Name, dead bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead[id] = dead
}

// done returns the tunnel actions so far, and forgets them.
func (h *hands) done() []failover.Action {
	h.mu.Lock()
	defer h.mu.Unlock()
	did := slices.DeleteFunc(h.did, func(a failover.Action) bool { return a.Do == failover.Probe || a.Do == failover.Release })
	h.did = nil
	return did
}

// journal keeps what it is given.
type journal struct {
	mu      sync.Mutex
	events  []event.Event
	samples []Sample
	notices map[int64]event.Notice
	health  error
}

func (j *journal) Append(e []event.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e...)
}

func (j *journal) AddSample(s Sample) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.samples = append(j.samples, s)
}

func (j *journal) SaveNotice(n event.Notice) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.notices == nil {
		j.notices = map[int64]event.Notice{}
	}
	j.notices[n.ID] = n
}

func (j *journal) Health() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.health
}

func (j *journal) fail(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.health = err
}

// of returns the events of one kind.
func (j *journal) of(k event.Kind) (out []event.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Kind == k {
			out = append(out, e)
		}
	}
	return out
}

// open returns the codes of the notices that were saved as open.
func (j *journal) open() (codes []event.Code) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, n := range j.notices {
		if n.ClearedAt.IsZero() {
			codes = append(codes, n.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

// world is an engine in a bubble of time.
type world struct {
	*Engine
	t        *testing.T
	hands    *hands
	journal  *journal
	underlay chan failover.Input
	stop     context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	wish    status.Wish // as saved
	saves   int
	saveErr error
	members map[tunnel.Name][]failover.Member
}

var errUnknown = errors.New("there is no such target")

func group(names ...tunnel.Name) (list []failover.Member) {
	for _, n := range names {
		list = append(list, failover.Member{Name: n})
	}
	return list
}

// classic is the policy whose numbers the tests count with.
func classic() failover.Policy {
	p := failover.DefaultPolicy()
	p.Profile = failover.Classic
	return p
}

// begin runs an engine. It must be called in a bubble, and ended.
func begin(t *testing.T, wish status.Wish, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, hands: newHands(), journal: &journal{}, underlay: make(chan failover.Input), ended: make(chan struct{}),
		wish: wish, members: map[tunnel.Name][]failover.Member{"home": group("nl", "de"), "nl": group("nl")}}
	opt := Options{
		Policy: classic(), Hands: w.hands, Journal: w.journal, SaveWish: w.save, Members: w.resolve,
		Underlay: w.underlay, FirstEventID: 100, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&opt)
	}
	w.Engine = New(opt, wish)
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	go func() {
		defer close(w.ended)
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	return w
}

func (w *world) end() {
	w.stop()
	<-w.ended
}

func (w *world) save(s status.Wish) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.saveErr != nil {
		return w.saveErr
	}
	w.wish = s
	w.saves++
	return nil
}

func (w *world) saved() status.Wish {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wish
}

func (w *world) resolve(target tunnel.Name) ([]failover.Member, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.members[target]; m != nil {
		return m, nil
	}
	return nil, errUnknown
}

func (w *world) define(target tunnel.Name, members []failover.Member) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members[target] = members
}

func (w *world) connect(target tunnel.Name) {
	w.t.Helper()
	if err := w.Connect(w.t.Context(), target); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// flow lets data flow for a while, a packet each 500 ms.
func (w *world) flow(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		w.hands.send(100)
		time.Sleep(500 * time.Millisecond)
	}
	synctest.Wait()
}

func verbs(actions []failover.Action) (out []string) {
	for _, a := range actions {
		out = append(out, string(a.Do)+" "+string(a.ID))
	}
	return out
}

func (w *world) wantDone(want ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := verbs(w.hands.done()); !slices.Equal(got, want) {
		w.t.Errorf("did %q, want %q", got, want)
	}
}

func (w *world) wantOverall(want status.Overall) {
	w.t.Helper()
	synctest.Wait()
	if got := w.Status().Overall; got != want {
		w.t.Errorf("overall is %q, want %q", got, want)
	}
}
