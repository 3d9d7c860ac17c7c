// Package health turns the evidence about one tunnel into a verdict, and says
// when it wants to look again.
//
// A Monitor takes the worst answer of its rules. Two of them only watch and hold
// in every profile: the rule on traffic (DESIGN.md §4.2), which is the whole of
// the profile classic, and the rule on handshakes (§4.4). The other profiles
// confirm a doubt by asking, and so decide in seconds: the rules of an inquiry
// say in an Assessment what is to be asked, and the next counters tell what came
// of it. They see what counters cannot: an upload that dies alone, a server that
// answers and forwards nothing, a session that the server has forgotten, a key
// that another device uses too.
//
// A tunnel on which nothing is sent is not looked at, and its death not seen,
// unless Limits.Heartbeat says so. With no responder known behind the server, one
// that forwards nothing shows only when many flows go unanswered.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock;
// now is always an argument.
package health

import (
	"time"

	"holdfast/service/tunnel"
)

// Verdict is how well a tunnel works, as far as the evidence tells.
//
//	unknown → healthy ⇄ idle
//	   │         ⇅       │
//	   └──── suspect ────┘
//	           ⇅
//	       unhealthy
//
// The strings are stored and sent: they never change.
type Verdict string

// The verdicts. The zero value is not a verdict; use Unknown.
const (
	Unknown   Verdict = "unknown"   // nothing has been seen yet
	Idle      Verdict = "idle"      // nothing is sent and nothing is owed
	Healthy   Verdict = "healthy"   // answers arrive
	Suspect   Verdict = "suspect"   // sent, nothing came back; a timer runs
	Unhealthy Verdict = "unhealthy" // nothing came back for too long
)

// Limits are the waits that turn silence into a verdict (DESIGN.md §5).
type Limits struct {
	// CheckInterval is the time between checks while traffic flows.
	CheckInterval time.Duration
	// SuspectInterval is the time between checks while suspect.
	SuspectInterval time.Duration
	// TrafficTimeout is how long non-empty data may go unanswered.
	TrafficTimeout time.Duration
	// HandshakeTimeout is how long handshake initiations may go unanswered.
	HandshakeTimeout time.Duration
	// SuspectAfter is when the profiles that confirm actively become
	// suspicious. 0: the profile is classic, which never asks actively.
	SuspectAfter time.Duration
	// Heartbeat is how often an idle tunnel is asked for a round trip. 0: never,
	// so that it wakes nobody.
	Heartbeat time.Duration
}

// Assessment is what one look at a tunnel concluded.
type Assessment struct {
	Verdict Verdict
	// Cause says why the verdict is suspect or unhealthy, else "".
	Cause tunnel.Cause
	// Since is when the silence began that the verdict is about. Zero: there is none.
	Since time.Time
	// DeadAt is the moment up to which the tunnel has proven dead: two questions
	// that left at or after it have gone unanswered, and none has been answered
	// since. Another member that answered before DeadAt did so while this one did
	// not. Zero: nothing is proven, or the profile is classic.
	DeadAt time.Time
	// Ask says what to ask of the device now. The answers are told by its counters.
	Ask Ask
	// Lossy says that the tunnel works and loses so much, or has become so slow,
	// that a person should know. It is never a reason to move.
	Lossy bool
	// RenewedAt is when a session was last replaced that was dead on a living path,
	// by one that carries data. Zero: none has been.
	RenewedAt time.Time
	// Next is when to look again. Zero: not before something is sent.
	Next time.Time
}

// Ask is what a Monitor wants to be asked. The zero value asks nothing.
type Ask struct {
	// Path sends one handshake question beside the session, and an echo to each
	// of the learned responders: one attempt of each kind that is possible.
	Path bool
	// Session has the device make a new session.
	Session bool
	// Size finds out which sizes of packets pass.
	Size bool
}

// Any says that something is to be asked.
func (a Ask) Any() bool { return a != Ask{} }
