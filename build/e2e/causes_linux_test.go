package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// trial is one cause, how it is brought about and what it must be called.
type trial struct {
	name    string
	start   func(w *world) *service             // nil: a holdfastd
	prepare func(w *world, s *service)          // nil: the servers are the group g
	breaks  func(w *world, s *service, p *page) //
	want    []tunnel.Cause                      // any of these is right
	also    []tunnel.Cause                      // true as well, and may be told beside it
	within  time.Duration
	single  bool // only the first server is a member
	stays   bool // the active member must not be left
	cold    bool // it is broken from the beginning
	// after checks what else is promised, once it is named. nil: nothing.
	after func(w *world, s *service, g *pinger, broke time.Time)
}

// hedged are causes that are never told as certain, by their words: they claim
// no more than is known of any tunnel that does not work.
var hedged = []tunnel.Cause{tunnel.Unanswered, tunnel.HandshakeTimeout, tunnel.KeyOrServer}

// afterwards is how long it is listened to what else is claimed.
const afterwards = 3 * time.Second

// results are what came of a trial's runs.
type results struct {
	mu    sync.Mutex
	right int
	took  []time.Duration
}

// TestCauses brings every cause about and reads what it is called.
func TestCauses(t *testing.T) {
	t.Parallel()
	n := 1
	if soak() {
		n = 20
	}
	for _, c := range trials {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			var r results
			t.Cleanup(func() { r.judge(t, &c, n) })
			for i := range n {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					took, right := c.try(t)
					r.mu.Lock()
					defer r.mu.Unlock()
					r.took = append(r.took, took)
					if right {
						r.right++
					}
				})
			}
		})
	}
}

// judge writes the trial's line of the table.
func (r *results) judge(t *testing.T, c *trial, n int) {
	if len(r.took) == 0 {
		return
	}
	slices.Sort(r.took)
	t.Logf("| %s | %v | named after %v, longest %v | right %d of %d |", c.name, c.want,
		r.took[len(r.took)/2].Round(100*time.Millisecond), r.took[len(r.took)-1].Round(100*time.Millisecond), r.right, n)
	if r.right*20 < n*19 {
		t.Errorf("%s was named right %d of %d times, want 19 of 20", c.name, r.right, n)
	}
}

// try brings the cause about once and says after which time it was named, and
// whether rightly.
func (c *trial) try(t *testing.T) (took time.Duration, right bool) {
	w := newWorld(t, "a", "b")
	p := w.internet()
	w.resolvConf("nameserver 10.200.0.1\n")
	begin := c.start
	if begin == nil {
		begin = (*world).service
	}
	s := begin(w)
	s.cli("settings", "set", "profile=balanced", "check_pages=http://"+pageAddr+"/generate_204")
	switch {
	case c.prepare != nil:
		c.prepare(w, s)
	case c.single:
		s.group(w.servers[:1])
	default:
		s.group(w.servers)
	}
	g := w.ping(100 * time.Millisecond)
	if c.cold {
		c.breaks(w, s, p)
		s.cli("up", "g", "--no-wait")
	} else {
		s.cli("up", "g")
		w.flowing(g, 10*time.Second)
		w.rest(4 * time.Second)
		if n := p.questions(); n != 0 {
			t.Errorf("a healthy tunnel had the page asked %d times", n)
		}
		c.breaks(w, s, p)
	}
	broke := time.Now()
	right = c.await(w, s)
	took = time.Since(broke)
	t.Logf("%s: named %v after %v", c.name, s.told(), took.Round(100*time.Millisecond))
	if c.after != nil {
		c.after(w, s, g, broke)
	}
	w.rest(afterwards)
	if moves := s.switches(); c.stays && len(moves) != 0 {
		t.Errorf("the member was left: %+v", moves)
	}
	honest := c.honest(t, s)
	if !right || !honest {
		for _, e := range s.events() {
			t.Logf("%s %s %s %s→%s %s: %s", e.At.Format("05.0"), e.Kind, e.Tunnel, e.From, e.To, e.Cause, e.Evidence)
		}
	}
	return took, right
}

// await waits until the cause is named, or its time is over.
func (c *trial) await(w *world, s *service) bool {
	for deadline := time.Now().Add(c.within); ; w.rest(250 * time.Millisecond) {
		if slices.ContainsFunc(s.told(), func(x tunnel.Cause) bool { return slices.Contains(c.want, x) }) {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// honest says that nothing was told that is not so: in the history, in the
// notices, and by a diagnosis of now.
func (c *trial) honest(t *testing.T, s *service) bool {
	allowed := slices.Concat(c.want, c.also, hedged)
	ok := true
	for _, x := range s.told() {
		if !slices.Contains(allowed, x) {
			ok = false
			t.Errorf("%s: it was also told that the cause is %s", c.name, x)
		}
	}
	d := s.diagnosis()
	t.Logf("%s: a diagnosis says %q, certain %t: %s", c.name, d.cause(), d.Certain, d.Evidence)
	if d.Certain && !slices.Contains(allowed, d.cause()) {
		ok = false
		t.Errorf("%s: a diagnosis is certain of %s: %s", c.name, d.cause(), d.Evidence)
	}
	return ok
}

// told are all causes that a person has been told of: by events, and by notices.
func (s *service) told() []tunnel.Cause {
	s.w.t.Helper()
	var list []tunnel.Cause
	add := func(c tunnel.Cause) {
		if c != "" && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	for _, e := range s.events() {
		add(e.Cause)
	}
	for _, n := range s.status().Notices {
		if isCause(n.Code) {
			add(tunnel.Cause(n.Code))
		}
	}
	return list
}

// isCause says that a notice names a cause, and not what was done about it.
func isCause(c event.Code) bool {
	switch c {
	case event.CodeAllSilent, event.CodeExhausted, event.Code(event.FailedOver), event.Code(event.StateChanged),
		event.Code(event.CooldownStarted), event.Code(event.WishChanged), event.CodeClockAhead:
		return false
	default:
		return true
	}
}

// notified says that a notice of this cause is open.
func (s *service) notified(c tunnel.Cause) bool {
	return slices.ContainsFunc(s.status().Notices, func(n event.Notice) bool { return n.Code == event.Code(c) })
}

// diagnosis is what `holdfast diagnose` comes to.
type diagnosis struct {
	Cause    *tunnel.Cause
	Certain  bool
	Evidence string
}

func (d diagnosis) cause() tunnel.Cause {
	if d.Cause == nil {
		return ""
	}
	return *d.Cause
}

// diagnosis has everything looked at now.
func (s *service) diagnosis() (d diagnosis) {
	s.w.t.Helper()
	if err := json.Unmarshal([]byte(s.cli("diagnose", "--json")), &d); err != nil {
		s.w.t.Fatal(err)
	}
	return d
}
