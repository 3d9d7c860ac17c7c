package event

import (
	"time"

	"holdfast/service/tunnel"
)

// story is what has been told of one trouble. An event of zero Kind: nothing.
type story struct {
	cause  Event // the latest verdict, or failure to start
	silent Event // no other member answers
	spent  Event // every restart was made
	pause  Event // the wait after all members failed
}

// matter is something that there is one notice about at most.
type matter struct {
	code    Code // what it is by now; "": nothing is the matter
	began   Event
	why     Event     // the event that tells most about it
	clearAt time.Time // when it stops to be news by itself; zero: never
	open    *Notice   // nil: there is no notice
	told    Code      // as what it was opened
}

// codeOf is the code of a notice about an event: its cause, else its kind.
func codeOf(e Event) Code {
	if e.Kind == VerdictChanged && e.Cause == "" {
		return Code(tunnel.Unanswered)
	}
	if e.Kind == VerdictChanged || e.Kind == StateChanged && e.Cause != "" {
		return Code(e.Cause)
	}
	return Code(e.Kind)
}

// vague says that a code does not tell more than that the tunnel does not work.
func vague(c Code) bool {
	switch c {
	case Code(tunnel.Unanswered), Code(tunnel.HandshakeTimeout), Code(tunnel.KeyOrServer), Code(tunnel.SessionStale), Code(StateChanged):
		return true
	default:
		return false
	}
}

// begin makes e the event that began the matter, unless it has begun.
func (m *matter) begin(e Event) {
	if m.code == "" {
		m.began = e
	}
}

// is makes a matter what code says. What is history only does not take the
// place of what is told.
func (m *matter) is(code Code, why Event) {
	if m.code != "" && m.open != nil && Describe(code).ShownAfter == Never {
		return
	}
	m.code, m.why, m.clearAt = code, why, time.Time{}
}

// notice puts a matter in words.
func notice(m *matter) *Notice {
	w := Describe(m.code)
	return &Notice{
		ID: m.began.ID, Code: m.code, Severity: w.Severity, Tunnel: m.began.Tunnel,
		Title: w.Title, What: w.What, Advice: w.Advice, Evidence: evidence(m.why), Since: m.began.At.UTC(),
	}
}

// evidence is what was seen, or the event itself where that says more.
func evidence(e Event) string {
	if e.Kind == FailedOver || e.Evidence == "" {
		return e.Sentence()
	}
	return e.Evidence
}
