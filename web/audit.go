package web

import (
	"sync"
	"time"

	"holdfast/web/api"
)

// AuditRecord is one change that was asked for, or one refusal.
type AuditRecord struct {
	Caller Caller
	Verb   string // as "POST /api/v1/connect"; its path is the route's, with {name}
	Object string // the name it was about; "": none
	// Code is why it was refused or failed. "": it was done.
	Code api.Code
	// Suppressed counts the records of this person that were left out since
	// the last, because there were too many.
	Suppressed int
}

const (
	// auditBurst changes of one person are told at once, and then one per
	// auditEvery; what is more is only counted.
	auditBurst = 20
	auditEvery = time.Second
	// denialBurst refusals of one person are told at once, and then one per
	// denialEvery: they are kept, and anybody can cause them.
	denialBurst = 20
	denialEvery = time.Minute
	// wishBurst wishes of one person are taken at once, and then one per
	// wishEvery; what is more is refused.
	wishBurst = 30
	wishEvery = 300 * time.Millisecond
	// maxPersons bounds how many persons a limiter remembers.
	maxPersons = 256
	// maxObject bounds a name in a record, in bytes.
	maxObject = 32
)

// record tells the audit of a visit that was refused or changed something.
func (s *server) record(v visit) {
	refused := v.code == api.NotPermitted
	if s.Audit == nil || !refused && !v.changes {
		return
	}
	records := s.audits
	if refused {
		records = s.denials
	}
	allowed, suppressed := records.take(v.caller.person(), time.Now())
	if !allowed {
		return
	}
	s.Audit(AuditRecord{
		Caller: v.caller, Verb: v.verb, Object: v.object[:min(len(v.object), maxObject)],
		Code: v.code, Suppressed: suppressed,
	})
}

// limiter lets each person do something so many times at once, and then once
// per so much time.
type limiter struct {
	burst float64
	every time.Duration

	mu      sync.Mutex
	persons map[string]*allowance
}

type allowance struct {
	left    float64
	at      time.Time
	refused int
}

func newLimiter(burst int, every time.Duration) *limiter {
	return &limiter{burst: float64(burst), every: every, persons: map[string]*allowance{}}
}

// take says whether a person may now, and how often they might not since the
// last time they might.
func (l *limiter) take(person string, now time.Time) (allowed bool, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.persons[person]
	if a == nil {
		if len(l.persons) >= maxPersons {
			l.forget(now)
		}
		a = &allowance{left: l.burst, at: now}
		l.persons[person] = a
	}
	a.left = min(l.burst, a.left+float64(now.Sub(a.at))/float64(l.every))
	a.at = now
	if a.left < 1 {
		a.refused++
		return false, 0
	}
	a.left--
	refused, a.refused = a.refused, 0
	return true, refused
}

// forget drops whoever has been quiet for so long that they may do everything
// again, and, where nobody has, everybody.
func (l *limiter) forget(now time.Time) {
	for person, a := range l.persons {
		if now.Sub(a.at) >= time.Duration(l.burst)*l.every {
			delete(l.persons, person)
		}
	}
	if len(l.persons) >= maxPersons {
		clear(l.persons)
	}
}
