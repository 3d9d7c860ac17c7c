package demo

import (
	"slices"

	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

// Turn is what can come of something that was done to the lab. The strings are
// sent to the page: they never change.
type Turn string

// The turns.
const (
	Doubted  Turn = "doubted"  // the tunnel in use is suspect
	Noticed  Turn = "noticed"  // it is judged: it carries nothing
	Moved    Turn = "moved"    // to another server
	Returned Turn = "returned" // to a preferred one
	Renewed  Turn = "renewed"  // the same server has a new session; not always told
	Held     Turn = "held"     // nothing else answers, so it stays and goes on trying
	Offline  Turn = "offline"  // there is no network, and it knows
	Online   Turn = "online"   // there is one again
	Back     Turn = "back"     // pings are answered again
)

// fatal are the faults that leave no service behind them: Holdfast moves away.
var fatal = []lab.Fault{
	lab.BlackHole, lab.BlackHoleUp, lab.BlackHoleDown, lab.Refused, lab.Revoked, lab.WrongPSK, lab.ForwardingOff, lab.ExitOff,
}

// forgetful are the faults that end the session and no more: it is made anew.
var forgetful = []lab.Fault{lab.Restart, lab.KeyShared}

// outlook is what Holdfast should do about a step that was carried out, in this
// order. None: nothing, which is the point of such a fault. Before is how it was.
func (d *Demo) outlook(s lab.Step, before scene) []Turn {
	switch {
	case s.Verb == lab.VerbNetwork && !s.Up:
		return []Turn{Offline}
	case s.Verb == lab.VerbBreak:
		return d.outlookOfBreak(s, before)
	}
	var turns []Turn
	if !before.network && d.lab.NetworkUp() {
		turns = append(turns, Online, Back)
	}
	if first := d.Servers()[0]; before.inUse != "" && before.inUse != first && d.lab.NetworkUp() && !d.isDead(first) {
		turns = append(turns, Returned)
	}
	return turns
}

func (d *Demo) outlookOfBreak(s lab.Step, before scene) []Turn {
	among := func(list []lab.Fault) bool {
		return slices.ContainsFunc(s.Faults, func(f lab.Fault) bool { return slices.Contains(list, f) })
	}
	switch {
	case s.Server != before.inUse || !before.network:
		return nil
	case among(fatal) && d.alternative(before.inUse):
		return []Turn{Doubted, Noticed, Moved, Back}
	case among(fatal):
		return []Turn{Doubted, Noticed, Held}
	case among(forgetful):
		return []Turn{Back}
	default:
		return nil
	}
}

// answerTo is what Holdfast does about a fault of the server in use; see faultView.
func answerTo(f lab.Fault) string {
	switch {
	case slices.Contains(fatal, f):
		return "move"
	case slices.Contains(forgetful, f):
		return "renew"
	default:
		return "stay"
	}
}

// alternative says that a server other than this one would carry data.
func (d *Demo) alternative(inUse tunnel.Name) bool {
	return slices.ContainsFunc(d.Servers(), func(n tunnel.Name) bool { return n != inUse && !d.isDead(n) })
}

// isDead says that no data passes through a server.
func (d *Demo) isDead(name tunnel.Name) bool {
	return slices.ContainsFunc(d.Broken(name), func(f lab.Fault) bool { return slices.Contains(fatal, f) })
}
