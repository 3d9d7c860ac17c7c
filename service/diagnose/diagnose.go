// Package diagnose turns what was seen around a tunnel into the one cause that
// explains it, and into a list of what was looked at.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
// What it is told was collected by others, at the person's request. It never
// claims more than the evidence shows: from one silent server alone, a dead
// server and a refused key cannot be told apart.
package diagnose

import (
	"fmt"
	"time"

	"holdfast/service/tunnel"
)

// Evidence is what was seen. The zero value of a part says that it was not
// looked at.
type Evidence struct {
	// Underlay is why the network below cannot be used; "" when Usable.
	Usable   bool
	Underlay tunnel.Cause
	// Name is the endpoint's DNS name. "": the endpoint is an address.
	Name      string
	NameErr   string // why it could not be resolved; "": it could
	NameTook  time.Duration
	Addresses int // how many addresses the name has
	// Self is the tunnel's own server, Others the other members'.
	Self   Answer
	Others []Answer
}

// Answer is what asking one member for a handshake gave.
type Answer struct {
	Member   tunnel.Name
	Asked    bool
	Answered bool
	RTT      time.Duration
	Err      string // why it could not be asked; "": it could
	// SendErr is what the system said when it refused to send. "": nothing.
	SendErr string
	// Responses is how many handshake responses came that did not authenticate,
	// Cookies how many cookie replies, while none did.
	Responses, Cookies int
}

// Result is how one check went.
type Result string

// The results.
const (
	OK      Result = "ok"
	Failed  Result = "failed"
	Skipped Result = "skipped"
)

// Check is one thing that was looked at.
type Check struct {
	Name     string
	Result   Result
	Evidence string // plain facts
	Took     time.Duration
}

// Cause names the first cause that the evidence proves, in the order in which
// each hides the ones below it. "": nothing is wrong that was looked at.
func Cause(e Evidence) tunnel.Cause {
	switch {
	case !e.Usable && e.Underlay != "":
		return e.Underlay
	case !e.Usable:
		return tunnel.NoNetwork
	case e.Self.Answered:
		return ""
	case e.NameErr != "":
		return tunnel.EndpointDNS
	case !e.Self.Asked:
		return ""
	case e.Self.SendErr != "":
		return tunnel.LocalFirewall
	case e.Self.Responses > 0:
		return tunnel.PSKMismatch
	case e.Self.Cookies > 0:
		return tunnel.ServerOverloaded
	default:
		return tunnel.KeyOrServer
	}
}

// Checks lists what was looked at, in the order in which it was.
func Checks(e Evidence) []Check {
	checks := []Check{underlay(e), name(e), send(e), answer(handshake(e.Self), e.Self)}
	for _, o := range e.Others {
		checks = append(checks, answer(handshake(o), o))
	}
	return checks
}

func underlay(e Evidence) Check {
	if e.Usable {
		return Check{Name: "network below the tunnel", Result: OK, Evidence: "there is a usable link"}
	}
	return Check{Name: "network below the tunnel", Result: Failed, Evidence: "no usable link or route"}
}

func name(e Evidence) Check {
	c := Check{Name: "endpoint name", Took: e.NameTook}
	switch {
	case e.Name == "":
		c.Result, c.Evidence = Skipped, "the endpoint is an address"
	case e.NameErr != "":
		c.Result, c.Evidence = Failed, e.NameErr
	default:
		c.Result, c.Evidence = OK, fmt.Sprintf("%s has %d address(es)", e.Name, e.Addresses)
	}
	return c
}

func send(e Evidence) Check {
	switch {
	case e.Self.SendErr != "":
		return Check{Name: "sending", Result: Failed, Evidence: e.Self.SendErr}
	case !e.Self.Asked:
		return Check{Name: "sending", Result: Skipped, Evidence: "nothing was sent"}
	default:
		return Check{Name: "sending", Result: OK, Evidence: "the system sends our packets"}
	}
}

func handshake(a Answer) string {
	if a.Member == "" {
		return "handshake"
	}
	return "handshake with " + string(a.Member)
}

func answer(name string, a Answer) Check {
	c := Check{Name: name, Took: a.RTT}
	switch {
	case a.Err != "":
		c.Result, c.Evidence = Failed, a.Err
	case !a.Asked:
		c.Result, c.Evidence = Skipped, "not asked"
	case a.Answered:
		c.Result, c.Evidence = OK, fmt.Sprintf("answered in %v", a.RTT.Round(100*time.Microsecond))
	case a.Responses > 0:
		c.Result, c.Evidence = Failed, fmt.Sprintf("%d answer(s), none of which fits our preshared key", a.Responses)
	case a.Cookies > 0:
		c.Result, c.Evidence = Failed, fmt.Sprintf("%d answer(s) that the server is too busy", a.Cookies)
	default:
		c.Result, c.Evidence = Failed, "no answer"
	}
	return c
}
