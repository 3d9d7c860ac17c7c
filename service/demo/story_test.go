package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func answered(ms int) lab.Ping {
	return lab.Ping{SentAt: at(ms), RTT: 20 * time.Millisecond, Answered: true}
}

// A story is told in the order of the moments, whatever came to the teller first,
// and only of the server in use.
func TestTeller(t *testing.T) {
	var tell teller
	if tell.last(noon) != nil || tell.silence(noon) != 0 {
		t.Error("a teller that has heard nothing tells something")
	}
	tell.ping(answered(-900))
	tell.ping(answered(-400))
	tell.begin(Story{At: noon, Did: lab.VerbBreak, Server: "berlin", InUse: "berlin"})
	tell.want([]Turn{Moved})
	tell.ping(lab.Ping{SentAt: at(100)})
	if got := tell.silence(at(800)); got != 0 {
		t.Errorf("got a silence of %s while pings may still be answered", got)
	}
	if got := tell.silence(at(2100)); got != 2*time.Second {
		t.Errorf("got a silence of %s, want 2s", got)
	}
	tell.ping(answered(2600)) // sooner than the events that explain it
	if came := tell.last(at(2700)).Came; len(came) != 0 {
		t.Errorf("got %v, and nothing is known to have happened", came)
	}
	verdict := func(ms int, name tunnel.Name, to string, cause tunnel.Cause) {
		tell.event(event.Event{At: at(ms), Kind: event.VerdictChanged, Tunnel: name, To: to, Cause: cause})
	}
	verdict(-5, "berlin", "suspect", "") // of the story before
	verdict(2000, "berlin", "suspect", tunnel.Unanswered)
	verdict(2100, "oslo", "unhealthy", tunnel.Unanswered)
	verdict(2300, "berlin", "unhealthy", tunnel.Unanswered)
	tell.event(event.Event{At: at(2310), Kind: event.FailedOver, From: "berlin", To: "paris", Tunnel: "paris", Cause: tunnel.Unanswered})
	tell.event(event.Event{At: at(2320), Kind: event.NoticeOpened, To: "failed_over"})
	verdict(2330, "paris", "healthy", "")
	verdict(4000, "berlin", "unhealthy", tunnel.KeyRefused)
	verdict(5000, "paris", "unhealthy", tunnel.PSKMismatch)
	tell.ping(answered(5100)) // a gap of its own, and no longer this story's
	want := &Story{
		At: noon, AgeMs: 6000, Did: lab.VerbBreak, Server: "berlin", InUse: "berlin", Faults: []lab.Fault{}, Wants: []Turn{Moved},
		Came: []Came{
			{Turn: Doubted, AfterMs: 2000, Tunnel: "berlin", Cause: tunnel.Unanswered},
			{Turn: Noticed, AfterMs: 2300, Tunnel: "berlin", Cause: tunnel.KeyRefused},
			{Turn: Moved, AfterMs: 2310, Tunnel: "paris", Cause: tunnel.Unanswered},
			{Turn: Back, AfterMs: 2620, DowntimeMs: 2500},
			{Turn: Noticed, AfterMs: 5000, Tunnel: "paris", Cause: tunnel.PSKMismatch},
		},
	}
	if diff := cmp.Diff(want, tell.last(at(6000))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	tell.begin(Story{At: at(7000)})
	if got := tell.last(at(7000)).Came; len(got) != 0 {
		t.Errorf("a new story begins with %v", got)
	}
}

// Pings that are lost one by one are the line's, and no outage.
func TestTellerOfLosses(t *testing.T) {
	var tell teller
	tell.ping(answered(0))
	tell.begin(Story{At: at(1), InUse: "berlin"})
	tell.event(event.Event{At: at(2), Kind: event.HandshakeRecovered, Tunnel: "berlin"})
	for ms := 1000; ms < 9000; ms += 1000 { // every second one is lost
		tell.ping(answered(ms))
	}
	tell.ping(answered(5000)) // late
	if got := tell.last(at(9000)).Came; len(got) != 1 {
		t.Errorf("got %v, want one turn", got)
	}
}

func TestCameOf(t *testing.T) {
	for _, tt := range []struct {
		e    event.Event
		want Turn // "": nothing
	}{
		{event.Event{Kind: event.FailedBack, From: "paris", To: "berlin"}, Returned},
		{event.Event{Kind: event.Held, To: event.HeldAllSilent}, Held},
		{event.Event{Kind: event.Held, To: event.HeldMinimum}, ""},
		{event.Event{Kind: event.UnderlayChanged, From: "ok", To: "no_network"}, Offline},
		{event.Event{Kind: event.UnderlayChanged, From: "no_network", To: "ok"}, Online},
		{event.Event{Kind: event.UnderlayChanged, From: "ok", To: "ok"}, ""},
		{event.Event{Kind: event.VerdictChanged, To: "healthy"}, ""},
	} {
		if got, ok := cameOf(tt.e); ok != (tt.want != "") || ok && got.Turn != tt.want {
			t.Errorf("%v: got %q, want %q", tt.e, got.Turn, tt.want)
		}
	}
}
