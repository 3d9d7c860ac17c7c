// Package failover decides which member of the target should be active, and
// what is done to keep it working.
//
// Machine takes wishes, reports, verdicts and news of the network one by one
// and answers each with actions and events. It is pure: it does no I/O, starts
// no goroutine and never reads the clock; the same inputs at the same times
// give the same outputs. The files in testdata are its specification.
//
// What it promises:
//   - One tunnel action (start, switch, restart, stop) is under way at most;
//     the next waits for its report.
//   - While the wish is off nothing is done but to stop.
//   - No switch goes to a member that has not answered a moment ago, but for
//     one within the active member's site, whose proof is in the move itself.
//     Where the profile confirms actively, it has answered while the active
//     member did not.
//   - While the underlay cannot be used nothing is tried. Where it is merely
//     found to lead nowhere, what could refute that is asked, ever more seldom.
//   - Restarts and switches are counted, and only a tunnel that stays well for
//     a while clears the counts: one received byte does not.
package failover

import (
	"slices"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Machine holds the state of the decision, and nothing else. Make it with New.
// It is not safe for concurrent use.
type Machine struct {
	policy Policy

	// The wish.
	on     bool
	target tunnel.Name
	mates  []mate      // the members in order of preference
	pin    tunnel.Name // the member that was asked for; "": none
	pinBy  time.Time   // until when it may still answer; zero: it is active

	// The device. active is "" while state is Down.
	active  tunnel.Name
	of      tunnel.Name // the target that active was started for
	state   tunnel.State
	since   time.Time // when active became active, or began to start
	pending Action    // the tunnel action whose report is awaited; zero: none

	// The verdict about the active member.
	verdict   health.Verdict
	cause     tunnel.Cause
	silent    time.Time // when the silence began; zero: none
	doubtAt   time.Time // since when it is not well; zero: it is, or nothing is known
	badAt     time.Time // since when it is unhealthy; zero: it is not
	deadAt    time.Time // up to when it has proven dead; zero: not proven
	outage    time.Time // since when there is no service; zero: there is
	wellAt    time.Time // since when it is healthy or idle; zero: it is not
	graceTo   time.Time // until when a bad verdict is put off
	putOff    Judged    // the verdict that is put off; zero: none
	handshake bool      // HandshakeFailed was told and not yet taken back
	quiet     bool      // the line is quiet

	// The underlay.
	usable        bool
	underlayCause tunnel.Cause
	carries       bool   // the tunnel works although the underlay is said not to
	lost          bool   // it was found unhealthy since the underlay is said not to
	refresh       Rung   // how far to rebuild after a change below; 0: not at all
	refreshWhy    string // plain words for it
	refreshed     time.Time

	// Repair.
	failedStart tunnel.Name // the member whose start failed last; "": none since the wish
	broke       bool        // that was no failed start: its interface was taken away
	breaks      int         // how often that was before it worked for a while again
	attempts    int         // restarts and failed starts since the tunnel was last well
	nextTry     time.Time   // no restart or start before this moment
	exhausted   bool        // all attempts have been made and it was told
	told        []string    // the reasons of the Held events of this episode
	switchedAt  time.Time   // when the last switch was done; zero: none
	steps       int         // switches away from unhealthy members since it was last well
	coolTo      time.Time   // until when nothing is tried; zero: not cooling down
	back        tunnel.Name // the member being failed back to; "": no failback is under way
	readyAt     time.Time   // since when a preferred member is stable; zero: none is
}

// New makes a machine that wants no tunnel. p must be made from DefaultPolicy.
func New(p Policy) *Machine {
	return &Machine{policy: p, state: tunnel.Down, verdict: health.Unknown, usable: true}
}

// step is the work of one Step: its moment and what comes of it.
type step struct {
	now time.Time
	out Output
}

func (s *step) do(a Action) { s.out.Actions = append(s.out.Actions, a) }

func (s *step) tell(e event.Event) {
	e.At = s.now.UTC()
	s.out.Events = append(s.out.Events, e)
}

// wait asks for a Tick at t. A moment that has passed needs none: what waits
// for it then waits for a report as well, which is an input of its own.
func (s *step) wait(t time.Time) {
	if t.After(s.now) && (s.out.Next.IsZero() || t.Before(s.out.Next)) {
		s.out.Next = t
	}
}

// due says whether t has come, and waits for it if not.
func (s *step) due(t time.Time) bool {
	s.wait(t)
	return !t.After(s.now)
}

// Step takes one input at one moment and returns what follows from it. Moments
// never go back.
func (m *Machine) Step(now time.Time, in Input) Output {
	s := &step{now: now}
	m.take(s, in)
	m.settle(s)
	return s.out
}

// take notes what an input says.
func (m *Machine) take(s *step, in Input) {
	switch in := in.(type) {
	case Connect:
		m.connect(s, in)
	case Disconnect:
		m.disconnect(s)
	case Reconnect:
		m.reconnect(s)
	case SwitchTo:
		m.switchTo(s, in)
	case Configured:
		m.configured(s, in)
	case Changed:
		m.changed(s, in)
	case Switched:
		m.switched(s, in)
	case Probed:
		m.probed(s, in)
	case Judged:
		m.judged(s, in)
	case Underlay:
		m.underlay(s, in)
	case NetworkChanged:
		m.networkChanged(s)
	case Woke:
		m.woke(s, in)
	case Line:
		m.quiet = in.Quiet
	case Tick:
	}
}

// settle moves one step towards the wish: it asks standbys and starts at most
// one tunnel action.
func (m *Machine) settle(s *step) {
	m.endGrace(s)
	m.endCooldown(s)
	m.endPin(s)
	m.askMates(s)
	m.move(s)
	m.releaseMates(s)
}

// move starts the one tunnel action that is due, if any.
func (m *Machine) move(s *step) {
	switch {
	case m.pending.Do != "":
	case m.active != "" && !m.rightDevice():
		m.state = tunnel.Stopping
		m.begin(s, Action{Do: Stop, ID: m.active})
	case !m.on || len(m.mates) == 0:
	case m.active == "":
		m.start(s)
	case !m.usable:
		m.nearby(s)
	case m.refresh != 0:
		m.rebuild(s)
	case m.pin != "" && m.pin != m.active:
		m.moveToPin(s)
	case m.verdict == health.Unhealthy:
		m.repair(s)
	default:
		m.failback(s)
	}
}

// rightDevice says that what is active is what the wish is for.
func (m *Machine) rightDevice() bool {
	return m.on && m.of == m.target && m.mate(m.active) != nil
}

// begin starts a tunnel action.
func (m *Machine) begin(s *step, a Action) {
	m.pending = a
	s.do(a)
}

// held tells once in an episode why nothing is done.
func (m *Machine) held(s *step, why string, cause tunnel.Cause, evidence string) {
	if slices.Contains(m.told, why) {
		return
	}
	m.told = append(m.told, why)
	s.tell(event.Event{Kind: event.Held, Tunnel: m.about(), To: why, Cause: cause, Evidence: evidence})
}

// about is the member that trouble is about: the active one, or the one that
// could not be started.
func (m *Machine) about() tunnel.Name {
	if m.active == "" {
		return m.failedStart
	}
	return m.active
}

// stableFor is how long a tunnel must be well before what it took to get there
// is forgotten. It outlasts every wait in which a dead tunnel can look alive.
func (m *Machine) stableFor() time.Duration {
	return max(m.policy.MinimumHold, m.policy.TrafficTimeout, 2*m.policy.HealthCheckInterval)
}

func backoff(n int, first, most time.Duration) time.Duration {
	d := first
	for i := 1; i < n && d < most; i++ {
		d *= 2
	}
	return min(d, most)
}
