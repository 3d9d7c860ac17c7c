package failover

import (
	"net/netip"
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// An Input is something that happened. The set is closed: the types below.
type Input interface{ input() }

type (
	// Connect is the wish for a target: the members to keep alive, in order of
	// preference, under the name the person used (a group's, or a tunnel's).
	Connect struct {
		Target  tunnel.Name
		Members []Member
	}
	// Disconnect is the wish for no tunnel.
	Disconnect struct{}
	// Reconnect asks for the active member to be rebuilt now.
	Reconnect struct{}
	// SwitchTo asks for one member to become active now, whatever its place.
	// It is still never carried out before that member has answered.
	SwitchTo struct{ ID tunnel.Name }
	// Configured brings a changed policy, or changed members of the current target.
	Configured struct {
		Policy  Policy
		Members []Member
	}
	// Changed reports what became of the device of the active member: after
	// Start or Restart it is Up, or Down with Err; after Stop it is Down.
	Changed struct {
		ID    tunnel.Name
		State tunnel.State
		Err   error
	}
	// Switched reports what became of a Switch. With Err the old member is
	// still the active one.
	Switched struct {
		From, To tunnel.Name
		Err      error
	}
	// Probed reports one answered or unanswered probe of a member that is not active.
	Probed struct {
		ID       tunnel.Name
		Answered bool
		RTT      time.Duration // 0: not measured
		Err      error         // why it could not be asked at all; nil otherwise
		Data     Proof         // what came of a probe with Action.Data
		// Endpoint is where it was asked. Zero: not known.
		Endpoint netip.AddrPort
	}
	// Judged brings the verdict about the active member.
	Judged struct {
		ID      tunnel.Name
		Verdict health.Verdict
		Cause   tunnel.Cause
		Since   time.Time // when the silence began; zero: none
		// DeadAt is up to when the member has proven dead; see health.Assessment.
		DeadAt time.Time
		// Evidence is what was seen and asked, in plain facts.
		Evidence string
	}
	// Underlay says whether the network below the tunnel can be used.
	Underlay struct {
		Usable bool
		Cause  tunnel.Cause // why not, else ""
	}
	// NetworkChanged says that the underlay is another one than before: new
	// addresses, another gateway.
	NetworkChanged struct{}
	// Woke says that the machine slept, and how long.
	Woke struct{ Slept time.Duration }
	// Line says whether the active member's line has become quiet: less than
	// 4 kB/s for 10 s. The engine sends it on every change; the line of a new or
	// rebuilt device begins as not quiet.
	Line struct{ Quiet bool }
	// Tick says that the moment has come that Output.Next asked for.
	Tick struct{}
)

func (Connect) input()        {}
func (Disconnect) input()     {}
func (Reconnect) input()      {}
func (SwitchTo) input()       {}
func (Configured) input()     {}
func (Changed) input()        {}
func (Switched) input()       {}
func (Probed) input()         {}
func (Judged) input()         {}
func (Underlay) input()       {}
func (NetworkChanged) input() {}
func (Woke) input()           {}
func (Line) input()           {}
func (Tick) input()           {}

// Proof is whether a member carries data, asked beside the active one.
type Proof string

// What a proof may say. The zero value: it was not asked for.
const (
	Carries    Proof = "carries"    // a responder behind its server answered
	Mute       Proof = "mute"       // none did, of those that answered before
	Untestable Proof = "untestable" // no responder is known that it could reach
)

// Member is one tunnel of the target.
type Member struct {
	Name tunnel.Name
	// Site tells members apart that are the same client at the same server.
	// Two members of one site are never probed or run beside each other.
	Site tunnel.Site
}
