package brain

import (
	"fmt"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// mostMoments is how many moments of asking an episode keeps: those that come
// later say nothing new.
const mostMoments = 24

// longestWell is how long an episode may last while the tunnel is well: a flow
// that goes one way waits for answers all the time, and lives.
const longestWell = 30 * time.Second

// episode is what was seen and asked since the tunnel last showed that it works.
// It becomes the evidence of the verdict.
type episode struct {
	from  tunnel.Counters // when something last came
	at    time.Time       // of that look
	asked []time.Time
	more  int // times asked beyond mostMoments
}

// take goes on with a look: one that shows life begins anew.
func (e *episode) take(now time.Time, c tunnel.Counters, a health.Assessment) {
	waits := !c.UnansweredSince.IsZero() || !c.Path.WaitingSince.IsZero()
	proved := !c.Path.RoundTripAt.Equal(e.from.Path.RoundTripAt)
	answered := c.DataReceived != e.from.DataReceived || proved && (!waits || now.Sub(e.at) >= longestWell)
	if isWell(a.Verdict) && (answered || c.RxBytes < e.from.RxBytes) {
		*e = episode{from: c, at: now, asked: e.asked[:0]}
	}
	switch {
	case !a.Ask.Path:
	case len(e.asked) < mostMoments:
		e.asked = append(e.asked, now)
	default:
		e.more++
	}
}

// evidence puts the episode in plain facts, as they are at now.
func (e *episode) evidence(now time.Time, c tunnel.Counters, a health.Assessment) string {
	var b strings.Builder
	since := a.Since
	if since.IsZero() {
		since = now
	}
	fmt.Fprintf(&b, "Doubted for %s: %s left, %s came.", event.Span(now.Sub(since).Round(100*time.Millisecond)),
		packets(c.DataSent-min(e.from.DataSent, c.DataSent)), packets(c.DataReceived-min(e.from.DataReceived, c.DataReceived)))
	was, is := e.from.Path, c.Path
	answers(&b, "handshake questions", was.Asked, is.Asked)
	answers(&b, "echoes to the server", was.Near.Questions, is.Near.Questions)
	answers(&b, "echoes behind it", was.Beyond.Questions, is.Beyond.Questions)
	for _, n := range []struct {
		what     string
		was, now uint64
	}{
		{"answers that do not fit the preshared key", was.BadResponses, is.BadResponses},
		{"answers that the server is busy", was.Cookies, is.Cookies},
		{"handshakes that the server began", was.PeerInitiations, is.PeerInitiations},
		{"packets that this computer refused to send", was.Refused, is.Refused},
	} {
		if n.now > n.was {
			fmt.Fprintf(&b, " %d %s.", n.now-n.was, n.what)
		}
	}
	if was.RTT > 0 {
		fmt.Fprintf(&b, " Before, a round trip took %v and %.0f %% were lost.", was.RTT.Round(100*time.Microsecond), 100*was.Loss)
	}
	e.moments(&b, since)
	return b.String()
}

// answers tells how many questions of a kind were answered, if any were asked.
func answers(b *strings.Builder, what string, was, now tunnel.Questions) {
	if now.Sent > was.Sent {
		fmt.Fprintf(b, " %d of %d %s answered.", now.Answered-min(was.Answered, now.Answered), now.Sent-was.Sent, what)
	}
}

// moments lists when it was asked, from the beginning of the silence.
func (e *episode) moments(b *strings.Builder, since time.Time) {
	before := " Asked at"
	for _, at := range e.asked {
		if at.Before(since) {
			continue
		}
		b.WriteString(before)
		fmt.Fprintf(b, " %.1f", at.Sub(since).Seconds())
		before = ","
	}
	if before != "," {
		return
	}
	b.WriteString(" s")
	if e.more > 0 {
		fmt.Fprintf(b, " and %d times after", e.more)
	}
	b.WriteByte('.')
}

func packets(n uint64) string {
	switch n {
	case 0:
		return "nothing"
	case 1:
		return "1 packet"
	default:
		return fmt.Sprintf("%d packets", n)
	}
}
