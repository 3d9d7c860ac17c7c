package diagnose

import (
	"strings"

	"holdfast/service/tunnel"
)

// Look is one thing that an examination asks; several of them go on at once.
type Look string

// The looks, beside LookMember.
const (
	LookRouter Look = "router"
	LookPages  Look = "pages"
	LookName   Look = "name"
	LookServer Look = "server" // the way to the endpoint, and a knock there
	LookClock  Look = "clock"
	LookInside Look = "inside"
)

// LookMember asks a member for a handshake.
func LookMember(id tunnel.Name) Look { return Look("member " + id) }

// Needs tells which looks a check rests on, by its name; active is the member
// that is examined. A check whose looks have ended says what it will say.
func Needs(check string, active tunnel.Name) []Look {
	self := LookMember(active)
	switch check {
	case "router":
		return []Look{LookRouter}
	case "sending":
		return []Look{LookServer, self}
	case "internet":
		return []Look{LookPages}
	case "endpoint name":
		return []Look{LookName}
	case "clock":
		return []Look{LookClock, LookPages}
	case "the server's computer":
		return []Look{LookServer, LookRouter}
	case "behind the server", "large packets":
		return []Look{LookInside, self}
	case "loss":
		return []Look{self}
	}
	if id, asked := strings.CutPrefix(check, "handshake with "); asked {
		return []Look{LookMember(tunnel.Name(id))}
	}
	return nil
}
