package notify

import (
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// claim is something that is true now and may be told.
type claim struct {
	note Note
	code event.Code
	// rank is how much it says: of several about one matter the highest is told,
	// and a notice that comes to say more is told again.
	rank  int
	since time.Time
	// tunnel is the member it is about. "": none.
	tunnel tunnel.Name
	// trouble says that it is over when the tunnel works.
	trouble bool
	// bounded says that only the person can bring it about once more, so that it
	// cannot become a flood.
	bounded bool
}

// The ranks.
const (
	rankFailover = iota + 1
	rankGuard
	rankStall
	rankAllDown
	rankAction
	rankEnded
)

// sort is what a notice's code makes of it.
type sort struct {
	kind    Kind
	rank    int
	trouble bool
	bounded bool
	matter  Matter // "": the code itself
}

// sortOf tells the codes apart that a person can do something about, or that say
// more than that a tunnel does not work. Any other is a stall of the tunnel it
// names, or a matter of its own.
func sortOf(n event.Notice) sort {
	switch n.Code {
	case event.Code(event.FailedOver):
		return sort{kind: Failover, rank: rankFailover, matter: Link}
	case event.Code(event.GuardChanged):
		return sort{kind: GuardBlocking, rank: rankGuard, matter: Link}
	case event.Code(event.WishChanged):
		return sort{kind: ActionNeeded, rank: rankEnded, matter: Link, bounded: true}
	case event.CodeAllSilent, event.CodeExhausted, event.Code(event.CooldownStarted):
		return sort{kind: AllDown, rank: rankAllDown, trouble: true, matter: Link}
	case event.Code(tunnel.SignIn):
		return sort{kind: ActionNeeded, rank: rankAction, matter: Link}
	case event.Code(tunnel.KeyRefused), event.Code(tunnel.PSKMismatch), event.Code(tunnel.KeyShared),
		event.Code(tunnel.ClockMoved), event.Code(tunnel.LocalFirewall), event.Code(event.StateChanged):
		return sort{kind: ActionNeeded, rank: rankAction, trouble: true, matter: Link}
	case event.CodeGuardFailed, event.CodeGuardStuck:
		return sort{kind: ActionNeeded, rank: rankAction}
	case event.CodeClockAhead, event.CodeTargetGone, event.CodeWishDamaged:
		return sort{kind: ActionNeeded, rank: rankAction, bounded: true}
	default:
	}
	if n.Tunnel == "" {
		return sort{kind: ActionNeeded, rank: rankAction, bounded: true}
	}
	return sort{kind: Stall, rank: rankStall, trouble: true, matter: Link}
}

// told says that a notice is for the desktop.
func told(n event.Notice) bool {
	return !n.Acknowledged && (n.Severity == event.High || n.Code == event.Code(event.FailedOver))
}

// claims are what a picture gives to tell, by matter: of each the highest that
// the rules allow.
func claims(s *status.Status, r Rules) map[Matter]claim {
	out := map[Matter]claim{}
	for _, n := range s.Notices {
		c := claimOf(n, s, wordsOf(r.Language))
		if !told(n) || !r.allows(c.note.Kind) {
			continue
		}
		if had, there := out[c.note.Matter]; !there || c.rank > had.rank {
			out[c.note.Matter] = c
		}
	}
	return out
}

func claimOf(n event.Notice, s *status.Status, w words) claim {
	k := sortOf(n)
	if k.matter == "" {
		k.matter = Matter(n.Code)
	}
	note := Note{
		Matter: k.matter, Kind: k.kind, Urgency: Normal, Notice: n.ID,
		Title: n.Title, Body: join(n.What, n.Advice), Reconnect: k.trouble,
	}
	if n.Tunnel != "" && n.Code != event.CodeAllSilent && n.Code != event.Code(event.CooldownStarted) {
		note.Body = string(n.Tunnel) + ": " + note.Body // where it is about one alone
	}
	if k.kind == Failover {
		note.Title, note.Body = w.movedTo(n.Tunnel), sentences(n.Evidence, 2)
	}
	if k.trouble && s.Guard.Blocking {
		note.Body = join(note.Body, w.blocked)
	}
	if k.kind == GuardBlocking || n.Code == event.CodeGuardFailed || n.Code == event.CodeExhausted || k.trouble && s.Overall == status.Blocked {
		note.Urgency = Critical
	}
	return claim{note: note, code: n.Code, rank: k.rank, since: n.Since, tunnel: n.Tunnel, trouble: k.trouble, bounded: k.bounded}
}

// sentences are the first of a text: of a move, from where to where and why, and
// how long there was no service. The page has the rest.
func sentences(text string, most int) string {
	at := 0
	for range most {
		i := strings.Index(text[at:], ". ")
		if i < 0 {
			return text
		}
		at += i + len(". ")
	}
	return strings.TrimSpace(text[:at])
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}
