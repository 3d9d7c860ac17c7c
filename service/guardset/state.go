package guardset

import (
	"slices"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// Wish is what is known of the person's wish.
type Wish string

// What may be known. Unknown: there was one, and it cannot be read.
const (
	WishOff     Wish = "off"
	WishOn      Wish = "on"
	WishUnknown Wish = "unknown"
)

// WishOf says what is known of a wish that is on, or that may be and cannot be read.
func WishOf(on, unknown bool) Wish {
	switch {
	case on:
		return WishOn
	case unknown:
		return WishUnknown
	}
	return WishOff
}

// Leave is the person's word that traffic may pass for now, whatever the mode.
type Leave string

// The words. Released lasts until the wish changes; Paused ends by itself.
const (
	NoLeave  Leave = ""
	Released Leave = "released"
	Paused   Leave = "paused"
)

// Situation is all that the guard's set follows from.
type Situation struct {
	Mode  failover.Guard
	Wish  Wish
	State tunnel.State // of the active device; Down: there is none
	Leave Leave
	// PauseFor is how many seconds a pause has left.
	PauseFor int
	LAN      bool
	Scope    Scope // of the wished target, or of the one that is closing
}

// row is one line of the table. An empty list matches everything.
type row struct {
	modes  []failover.Guard
	leaves []Leave
	wishes []Wish
	states []tunnel.State
	kind   Kind
}

// Table is the guard's set in each state of the service: the first row that
// matches counts. ARCHITECTURE.md draws it.
var table = []row{
	{modes: []failover.Guard{failover.GuardOff}, kind: Open},
	{leaves: []Leave{Released}, kind: Open},
	{wishes: []Wish{WishUnknown}, kind: Blocked},
	{wishes: []Wish{WishOn}, kind: Held},
	{states: []tunnel.State{tunnel.Starting, tunnel.Up, tunnel.Stopping}, kind: Held},
	{modes: []failover.Guard{failover.GuardAlways}, kind: Blocked},
	{kind: Open},
}

func (r *row) matches(s *Situation) bool {
	return one(r.modes, s.Mode) && one(r.leaves, s.Leave) && one(r.wishes, s.Wish) && one(r.states, s.State)
}

func one[T comparable](list []T, x T) bool {
	return len(list) == 0 || slices.Contains(list, x)
}

// For is the set that a situation asks for.
func For(s Situation) Set {
	kind := Blocked // never reached: the last row matches everything
	for i := range table {
		if table[i].matches(&s) {
			kind = table[i].kind
			break
		}
	}
	set := Set{Kind: kind}
	if !set.Shut() {
		return set
	}
	set.LAN, set.Own = s.LAN, s.Scope.Own
	if set.Carry = s.Scope.Carry; kind == Blocked || s.Mode == failover.GuardAlways {
		set.Carry = Everything().Carry
	}
	if s.Leave == Paused {
		set.Paused = max(1, s.PauseFor)
	}
	return set
}
