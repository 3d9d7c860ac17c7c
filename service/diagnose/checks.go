package diagnose

import (
	"fmt"
	"strings"
	"time"

	"holdfast/service/health"
)

// Result is how one check went.
type Result string

// The results.
const (
	OK      Result = "ok"
	Failed  Result = "failed"
	Skipped Result = "skipped"
	// Running is said only while an examination goes on: it is being looked at.
	Running Result = "running"
)

// Check is one thing that was looked at, or was not.
type Check struct {
	Name     string
	Result   Result
	Evidence string // plain facts
	Took     time.Duration
}

// Checks lists everything that can be looked at and what it gave, in the order
// of the matrix: from the network below up to what lies behind the server.
func Checks(e Evidence) []Check {
	list := []Check{e.network(), e.router(), e.sending(), e.pages(), e.name(), e.clock(), e.computer(), answer("handshake", e.Self)}
	for _, o := range e.Others {
		list = append(list, answer("handshake", o))
	}
	return append(list, e.behind(), e.sizes(), e.losses())
}

func ok(name, facts string) Check      { return Check{Name: name, Result: OK, Evidence: facts} }
func failed(name, facts string) Check  { return Check{Name: name, Result: Failed, Evidence: facts} }
func skipped(name, facts string) Check { return Check{Name: name, Result: Skipped, Evidence: facts} }

func (c Check) in(took time.Duration) Check {
	c.Took = took
	return c
}

func (e Evidence) network() Check {
	const name = "network below the tunnel"
	if e.Usable {
		return ok(name, "there is a usable link")
	}
	return failed(name, "no usable link or route")
}

func (e Evidence) router() Check {
	const name = "router"
	g := e.Gateway
	switch {
	case !g.Checked:
		return skipped(name, "not looked at")
	case g.Err != "":
		return skipped(name, g.Err).in(g.Took)
	case !g.Addr.IsValid():
		return skipped(name, "this network has none")
	case g.Alive:
		return ok(name, fmt.Sprintf("%s answers", g.Addr)).in(g.Took)
	default:
		return failed(name, fmt.Sprintf("%s does not answer", g.Addr)).in(g.Took)
	}
}

func (e Evidence) sending() Check {
	const name = "sending"
	switch {
	case e.blocked() != "":
		return failed(name, plainly(e.blocked()))
	case e.Route.Checked && e.Route.Interface != "":
		return ok(name, "packets to the server leave by "+e.Route.Interface)
	case e.Self.Asked:
		return ok(name, "the system sends our packets")
	default:
		return skipped(name, "nothing was sent")
	}
}

func (e Evidence) pages() Check {
	const name = "internet"
	i := e.Internet
	switch {
	case !i.Checked && i.Unasked != "":
		return skipped(name, i.Unasked)
	case !i.Checked:
		return skipped(name, "not looked at")
	case i.Reach == Open:
		return ok(name, i.Via+" answers as it should").in(i.Took)
	case i.Reach == SignIn:
		return failed(name, "something else answers in place of "+i.Via).in(i.Took)
	case i.Err != "":
		return failed(name, "no page answers: "+i.Err).in(i.Took)
	default:
		return failed(name, "no page answers").in(i.Took)
	}
}

func (e Evidence) name() Check {
	const name = "endpoint name"
	n := e.Name
	switch {
	case n.Host == "" && n.Err == "" && e.Self.Member == "":
		return skipped(name, "no tunnel is active")
	case n.Host == "" && n.Err == "":
		return skipped(name, "the endpoint is an address")
	case !n.Checked:
		return skipped(name, "not looked at")
	case n.Err != "":
		return failed(name, n.Err).in(n.Took)
	case n.Answered.IsValid():
		return failed(name, fmt.Sprintf("%s answers at another address, %s", n.Host, n.Answered)).in(n.Took)
	case !n.Present:
		return failed(name, fmt.Sprintf("%s leads elsewhere now, to %s", n.Host, list(n.Addresses))).in(n.Took)
	default:
		return ok(name, fmt.Sprintf("%s is %s", n.Host, list(n.Addresses))).in(n.Took)
	}
}

func (e Evidence) clock() Check {
	const name = "clock"
	switch {
	case e.Clock.Held || e.Clock.Proven || e.late() > 0:
		return failed(name, plainly(clockEvidence(e)))
	case e.Internet.TimeKnown && e.Internet.Ahead > pagesAgree:
		return failed(name, fmt.Sprintf("it is %s ahead of a web page's", span(e.Internet.Ahead)))
	case e.Internet.TimeKnown:
		return ok(name, "it agrees with a web page's")
	case e.Clock.Checked:
		return ok(name, "it is not behind the latest handshake")
	default:
		return skipped(name, "not looked at")
	}
}

func (e Evidence) computer() Check {
	const name = "the server's computer"
	k := e.Knock
	switch {
	case !k.Checked:
		return skipped(name, "not looked at")
	case k.Err != "":
		return failed(name, k.Err).in(k.Took)
	case k.Refused:
		return failed(name, "it is up and says that nothing listens on the port").in(k.Took)
	case k.RefusedLately:
		return failed(name, "it is up and said a short while ago that nothing listens on the port").in(k.Took)
	case k.HostUp:
		return ok(name, "it answers outside the tunnel").in(k.Took)
	case k.RefusedBy.IsValid():
		return failed(name, fmt.Sprintf("%s on the way refuses", k.RefusedBy)).in(k.Took)
	case e.KnownUp:
		return failed(name, "it answered before and does not now").in(k.Took)
	default:
		return skipped(name, "it answers nothing outside the tunnel, as many do").in(k.Took)
	}
}

func answer(name string, a Answer) Check {
	if a.Member != "" {
		name += " with " + string(a.Member)
	}
	switch {
	case a.Answered:
		return ok(name, "answered").in(a.RTT)
	case a.Err != "":
		return failed(name, a.Err)
	case !a.Asked:
		return skipped(name, "not asked")
	case a.Responses > 0:
		return failed(name, count(a.Responses, "answer")+", none of which fits our preshared key")
	case a.Cookies > 0:
		return failed(name, count(a.Cookies, "answer")+" that the server is too busy")
	case a.SendErr != "":
		return failed(name, "nothing left: "+a.SendErr)
	default:
		return failed(name, "no answer")
	}
}

func (e Evidence) behind() Check {
	const name = "behind the server"
	i := e.Inside
	switch {
	case i.Beyond.Answered:
		return ok(name, "an address behind it answers")
	case e.mute():
		return skipped(name, "a silent server tells nothing of it")
	case i.Beyond.silent() && e.forwardsNothing():
		return failed(name, plainly(forwardsEvidence(e)))
	case i.Beyond.silent():
		return skipped(name, "the one address that answered before does not, and may be off")
	case i.Verdict == "" || i.Verdict == health.Unknown:
		return skipped(name, "no tunnel has carried anything yet")
	case i.Beyond.Known == 0:
		return skipped(name, "no address behind it is known that answers")
	default:
		return skipped(name, "not asked")
	}
}

func (e Evidence) sizes() Check {
	const name = "large packets"
	i := e.Inside
	switch {
	case e.largeLost():
		return failed(name, plainly(mtuEvidence(e)))
	case i.Widest > 0 && i.MTU > 0:
		return ok(name, fmt.Sprintf("packets of %d bytes pass", i.Widest))
	default:
		return skipped(name, "not measured")
	}
}

func (e Evidence) losses() Check {
	const name = "loss"
	i := e.Inside
	switch {
	case i.Lossy:
		return failed(name, plainly(lossyEvidence(e)))
	case e.mute():
		return skipped(name, "a silent server tells nothing of it")
	case i.LossOf > 0:
		return ok(name, fmt.Sprintf("%.0f %% of the last %s", i.Loss*100, count(i.LossOf, "round trip")))
	default:
		return skipped(name, "not measured")
	}
}

// plainly makes a fact among others of a sentence.
func plainly(sentence string) string {
	s := strings.TrimSuffix(sentence, ".")
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
