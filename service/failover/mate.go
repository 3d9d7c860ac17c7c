package failover

import (
	"time"

	"holdfast/service/tunnel"
)

const (
	// proofLasts is how long an answer proves that a member is alive.
	proofLasts = 15 * time.Second
	// proofRefresh is when an answer is asked for again while it is needed.
	proofRefresh = 10 * time.Second
	// The wait before a silent member is asked again doubles from the first to
	// the last of these, both from one question to the next. The last one bounds
	// how late the return of a member is noticed.
	askAgainFirst, askAgainMost = time.Second, 8 * time.Second
	// askRest is the least wait after a question went unanswered.
	askRest = time.Second
	// The wait before a member is tried again that answered and then could not
	// be moved to.
	moveAgainFirst, moveAgainMost = 5 * time.Second, 5 * time.Minute
)

// mate is a member and what is known of it while it is not active.
type mate struct {
	Member
	standby bool // it has a standby device
	asking  bool // a probe's report is awaited
	askedAt time.Time
	// answeredAt is when it last answered, reportedAt when it last answered or
	// failed to. Zero: never.
	answeredAt, reportedAt time.Time
	rtt                    time.Duration
	// provenAt is answeredAt, unless a silence or a refusal came after it.
	provenAt time.Time
	// firstAt is its first answer since the doubt about the active member began,
	// unless a silence or a refusal came after it.
	firstAt time.Time
	// data is what came of the last question whether data passes, at dataAt,
	// dataAsked that the question under way is one.
	data      Proof
	dataAt    time.Time
	dataAsked bool
	// silences counts the unanswered probes since the last answer, or since
	// they were forgiven.
	silences int

	// heldUntil is until when it is chosen only if no other answers: it was
	// left because it was unhealthy.
	heldUntil time.Time
	damping   damping
	// refusals counts the moves to it that failed, notBefore is when it may be
	// moved to again.
	refusals  int
	notBefore time.Time

	// streak counts the answers without a miss since streakAt, for failback.
	streak   int
	streakAt time.Time
	askSoon  bool // failback is to ask at once: the network is another one
	// flaps counts the failbacks to it that did not last; backAt is the last.
	flaps  int
	backAt time.Time
}

// answered says that its last probe was answered, a moment ago.
func (a *mate) answered(now time.Time) bool {
	return !a.provenAt.IsZero() && now.Sub(a.provenAt) <= proofLasts && !now.Before(a.notBefore)
}

// unprove forgets that it answered.
func (a *mate) unprove() { a.provenAt, a.firstAt, a.data = time.Time{}, time.Time{}, "" }

// forgive forgets that it was silent, refused, or left.
func (a *mate) forgive() {
	a.silences, a.refusals = 0, 0
	a.notBefore, a.heldUntil = time.Time{}, time.Time{}
	a.damping = damping{}
}

// mate finds a member by name. Nil: it is none. The pointer is good until the
// members are replaced.
func (m *Machine) mate(id tunnel.Name) *mate {
	if i := m.place(id); i >= 0 {
		return &m.mates[i]
	}
	return nil
}

// place is the member's index in the order of preference; -1: it is none.
func (m *Machine) place(id tunnel.Name) int {
	for i := range m.mates {
		if id != "" && m.mates[i].Name == id {
			return i
		}
	}
	return -1
}

// sameSite says that two members are the same client at the same server. A
// member without a site shares it with none.
func (m *Machine) sameSite(a, b tunnel.Name) bool {
	x, y := m.mate(a), m.mate(b)
	return x != nil && y != nil && x.Site == y.Site && x.Site != (tunnel.Site{})
}
