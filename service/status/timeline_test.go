package status

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	s = time.Second
	m = time.Minute
	h = time.Hour
)

// at is an event so long after noon.
func at(d time.Duration, e event.Event) event.Event {
	e.At = noon.Add(d)
	return e
}

func started() event.Event { return event.Event{Kind: event.ServiceStarted} }
func stopped() event.Event { return event.Event{Kind: event.ServiceStopped} }

func guarded(to string) event.Event { return event.Event{Kind: event.GuardChanged, To: to} }

func wished(to string) event.Event { return event.Event{Kind: event.WishChanged, To: to} }

func device(name tunnel.Name, to tunnel.State) event.Event {
	return event.Event{Kind: event.StateChanged, Tunnel: name, To: string(to)}
}

func verdict(name tunnel.Name, from, to string, c tunnel.Cause) event.Event {
	return event.Event{Kind: event.VerdictChanged, Tunnel: name, From: from, To: to, Cause: c}
}

func below(c tunnel.Cause) event.Event {
	return event.Event{Kind: event.UnderlayChanged, To: string(c), Cause: c}
}

func down(d time.Duration, e event.Event) event.Event {
	e.DowntimeMs = d.Milliseconds()
	return e
}

func move(k event.Kind, from, to tunnel.Name, c tunnel.Cause) event.Event {
	return event.Event{Kind: k, Tunnel: to, From: string(from), To: string(to), Cause: c}
}

// well is a service that has had nl up and healthy since a second after noon.
func well() []event.Event {
	return []event.Event{at(0, started()), at(0, wished("home")), at(s, device("nl", tunnel.Up)), at(s, verdict("nl", "unknown", "healthy", ""))}
}

func numbered(events []event.Event) []event.Event {
	for i := range events {
		events[i].ID = int64(i + 1)
	}
	return events
}

// told is a timeline in words: "0s protected nl, 5s stalled nl unanswered".
func told(t Timeline) string {
	var words []string
	for _, s := range t.Spans {
		words = append(words, strings.TrimRight(fmt.Sprintf("%s %s %s %s", s.From.Sub(noon), s.State, s.Tunnel, s.Cause), " "))
	}
	return strings.Join(words, ", ")
}

func TestTimeline(t *testing.T) {
	const silent = tunnel.Unanswered
	for _, tt := range []struct {
		name         string
		events       []event.Event
		heard        []time.Time
		since, until time.Duration
		want         string
		figures      string // wished, up, out, number
	}{
		{"nothing is known", nil, nil, 0, h, "0s unknown", "0s 0s 0s 0"},
		{"off", []event.Event{at(-h, started())}, nil, 0, h, "0s off", "0s 0s 0s 0"},
		{"connected", well(), nil, -m, m, "-1m0s unknown, 0s connecting, 1s protected nl", "1m0s 59s 0s 0"},
		{"what was before counts", well(), nil, m, 2 * m, "1m0s protected nl", "1m0s 1m0s 0s 0"},
		{"a doubt that passes", append(well(), at(10*s, verdict("nl", "healthy", "suspect", silent)), at(13*s, verdict("nl", "suspect", "healthy", ""))), nil, s, m,
			"1s protected nl, 10s checking nl unanswered, 13s protected nl", "59s 59s 0s 0"},
		{"an outage that heals: it began before it was known", append(well(), at(20*s, verdict("nl", "healthy", "suspect", silent)),
			at(30*s, verdict("nl", "suspect", "unhealthy", silent)), at(40*s, down(25*s, verdict("nl", "unhealthy", "healthy", "")))), nil, s, m,
			"1s protected nl, 15s stalled nl unanswered, 40s protected nl", "59s 34s 25s 1"},
		{"an outage that goes on: it began with the doubt", append(well(), at(20*s, verdict("nl", "healthy", "suspect", silent)),
			at(30*s, verdict("nl", "suspect", "unhealthy", silent))), nil, s, m,
			"1s protected nl, 20s stalled nl unanswered", "59s 19s 40s 1"},
		{"an outage behind the guard", append(well(), at(2*s, guarded("held")), at(20*s, verdict("nl", "healthy", "suspect", silent)),
			at(30*s, verdict("nl", "suspect", "unhealthy", silent)), at(40*s, down(25*s, verdict("nl", "unhealthy", "healthy", "")))), nil, s, m,
			"1s protected nl, 15s blocked nl unanswered, 40s protected nl", "59s 34s 25s 1"},
		{"an interface that broke behind the guard", append(well(), at(2*s, guarded("held")), at(20*s, device("nl", tunnel.Down)),
			at(25*s, device("nl", tunnel.Up)), at(26*s, verdict("nl", "unknown", "healthy", ""))), nil, s, m,
			"1s protected nl, 20s blocked, 25s connecting nl, 26s protected nl", "59s 53s 5s 1"},
		{"a pause", append(well(), at(2*s, guarded("held")), at(20*s, guarded("paused")), at(20*s, device("nl", tunnel.Down)), at(30*s, guarded("held")),
			at(30*s, device("nl", tunnel.Up)), at(31*s, verdict("nl", "unknown", "healthy", ""))), nil, s, m,
			"1s protected nl, 20s off, 30s connecting nl, 31s protected nl", "49s 48s 0s 0"},
		{"always shut", []event.Event{at(0, started()), at(0, guarded("blocked"))}, nil, 0, m, "0s blocked", "0s 0s 0s 0"},
		{"a cause that becomes known", append(well(), at(20*s, verdict("nl", "healthy", "unhealthy", silent)),
			at(25*s, verdict("nl", "unhealthy", "unhealthy", tunnel.NothingListens))), nil, s, m,
			"1s protected nl, 20s stalled nl nothing_listens", "59s 19s 40s 1"},
		{"a failover, whose cause becomes known later", append(well(), at(20*s, verdict("nl", "healthy", "unhealthy", silent)),
			at(22*s, down(4*s, move(event.FailedOver, "nl", "de", silent))), at(23*s, verdict("de", "unknown", "healthy", "")),
			at(24*s, verdict("nl", "unhealthy", "unhealthy", tunnel.ServerDown))), nil, s, m,
			"1s protected nl, 18s stalled nl server_down, 22s connecting de, 23s protected de", "59s 54s 4s 1"},
		{"a return costs nothing", append(well(), at(20*s, move(event.FailedBack, "nl", "de", "")), at(21*s, verdict("de", "unknown", "idle", ""))), nil, s, m,
			"1s protected nl, 20s connecting de, 21s idle de", "59s 58s 0s 0"},
		{"no network", append(well(), at(20*s, below(tunnel.NoNetwork)), at(30*s, below(tunnel.SignIn)), at(40*s, below(""))), nil, s, m,
			"1s protected nl, 20s offline nl no_network, 30s sign-in needed nl sign_in, 40s protected nl", "59s 39s 0s 0"},
		{"turned off", append(well(), at(20*s, wished("off")), at(21*s, device("nl", tunnel.Stopping)), at(22*s, device("nl", tunnel.Down))), nil, s, m,
			"1s protected nl, 20s off", "19s 19s 0s 0"},
		{"stopped and started", append(well(), at(20*s, stopped()), at(30*s, started()), at(30*s, wished("home")), at(31*s, device("nl", tunnel.Up)),
			at(32*s, verdict("nl", "unknown", "healthy", ""))), nil, s, m,
			"1s protected nl, 20s unknown, 30s connecting, 31s connecting nl, 32s protected nl", "49s 47s 0s 0"},
		{"a crash is no uptime: nothing is known from the last event", append(well(), at(30*s, started()), at(40*s, wished("home"))), nil, 0, m,
			"0s connecting, 1s unknown, 30s off, 40s connecting", "21s 0s 0s 0"},
		{"a crash, and samples from before it", append(well(), at(30*s, started())), []time.Time{noon.Add(2 * s), noon.Add(20 * s), noon.Add(50 * s)}, s, m,
			"1s protected nl, 20s unknown, 30s off", "19s 19s 0s 0"},
		{"a sleep is no uptime", append(well(), at(9*h, event.Event{Kind: event.Woke, From: "8h0m0s"})), nil, s, 10 * h,
			"1s protected nl, 1h0m0s unknown, 9h0m0s protected nl", "1h59m59s 1h59m59s 0s 0"},
		{"a sleep in an outage", append(well(), at(30*m, verdict("nl", "healthy", "unhealthy", silent)), at(9*h, event.Event{Kind: event.Woke, From: "8h0m0s"}),
			at(9*h+m, down(8*h+31*m, verdict("nl", "unhealthy", "healthy", "")))), nil, s, 10 * h,
			"1s protected nl, 30m0s stalled nl unanswered, 1h0m0s unknown, 9h0m0s stalled nl unanswered, 9h1m0s protected nl", "1h59m59s 1h28m59s 31m0s 2"},
		{"the first member cannot start", []event.Event{at(0, started()), at(0, wished("home")), at(2*s, device("nl", tunnel.Down)),
			at(3*s, device("de", tunnel.Up)), at(3*s, down(3*s, move(event.FailedOver, "nl", "de", ""))), at(4*s, verdict("de", "unknown", "healthy", ""))}, nil, 0, m,
			"0s connecting, 3s connecting de, 4s protected de", "1m0s 56s 3s 1"},
		{"a member that was asked for", append(well(), at(20*s, event.Event{Kind: event.WishChanged, Tunnel: "de", From: "nl", To: "de"})), nil, s, m,
			"1s protected nl, 20s connecting de", "59s 19s 0s 0"},
		{"the clock was ahead and was set back", append(well(), at(5*h, verdict("nl", "healthy", "suspect", silent)), at(20*s, verdict("nl", "suspect", "healthy", ""))), nil, s, m,
			"1s protected nl", "59s 59s 0s 0"},
		{"the beginning is not kept", []event.Event{at(-h, verdict("nl", "suspect", "healthy", ""))}, nil, 0, m, "0s protected nl", "1m0s 1m0s 0s 0"},
		{"an outage from before, cut", append(well(), at(20*s, verdict("nl", "healthy", "unhealthy", silent)), at(50*s, down(40*s, verdict("nl", "unhealthy", "healthy", "")))), nil, 30 * s, m,
			"30s stalled nl unanswered, 50s protected nl", "30s 10s 20s 1"},
	} {
		got := Known{Events: numbered(tt.events), Heard: tt.heard}.Timeline(noon.Add(tt.since), noon.Add(tt.until))
		if told(got) != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, told(got), tt.want)
		}
		if f := fmt.Sprint(got.Wished, got.Uptime, got.Outage, got.Outages); f != tt.figures {
			t.Errorf("%s: got the figures %s, want %s", tt.name, f, tt.figures)
		}
	}
}

func TestTimelineTellsMoves(t *testing.T) {
	events := numbered(append(well(), at(10*s, move(event.FailedBack, "de", "nl", "")), at(22*s, down(4*s, move(event.FailedOver, "nl", "de", tunnel.Unanswered))),
		at(24*s, verdict("nl", "unhealthy", "unhealthy", tunnel.ServerDown)), at(30*s, event.Event{Kind: event.WishChanged, Tunnel: "nl", From: "de", To: "nl"})))
	got := Known{Events: events}.Timeline(noon.Add(20*s), noon.Add(m)).Moves
	want := []Move{
		{ID: 6, At: noon.Add(22 * s), Kind: event.FailedOver, From: "nl", To: "de", Cause: tunnel.ServerDown, DowntimeMs: 4000},
		{ID: 8, At: noon.Add(30 * s), Kind: event.WishChanged, From: "de", To: "nl"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMergeKeepsTheWorst(t *testing.T) {
	events := numbered(append(well(), at(25*s, verdict("nl", "healthy", "unhealthy", tunnel.Unanswered)), at(26*s, down(s, verdict("nl", "unhealthy", "healthy", ""))),
		at(41*s, below(tunnel.NoNetwork)), at(45*s, below(""))))
	whole := Known{Events: events}.Timeline(noon, noon.Add(m))
	got := whole.Merge(5)
	if want := "0s connecting, 12s protected nl, 24s stalled nl unanswered, 36s offline nl no_network, 48s protected nl"; told(got) != want {
		t.Errorf("got  %s\nwant %s", told(got), want)
	}
	if stalled := got.Spans[2]; stalled.Mostly != Protected || stalled.LastedMs != 1000 {
		t.Errorf("the part with the outage was %s for %d ms, and mostly %q", stalled.State, stalled.LastedMs, stalled.Mostly)
	}
	if got.Longest != s {
		t.Errorf("the longest outage is %s, want 1 s", got.Longest)
	}
	if got.Uptime != whole.Uptime || got.Outage != s {
		t.Errorf("the figures are %s and %s, want them as they were", got.Uptime, got.Outage)
	}
	if got := whole.Merge(100); told(got) != told(whole) {
		t.Errorf("what fits was changed: %s", told(got))
	}
}

// anyEvents draws what may be in a history: in the order of a service, and in
// none, with clocks that jump.
func anyEvents(t *rapid.T) []event.Event {
	names := []tunnel.Name{"nl", "de", ""}
	words := []string{"", "off", "home", "nl", "up", "down", "starting", "stopping", "healthy", "idle", "suspect", "unhealthy", "unknown", "8h0m0s", "-1h", "x"}
	now := noon
	events := make([]event.Event, rapid.IntRange(0, 40).Draw(t, "events"))
	for i := range events {
		now = now.Add(time.Duration(rapid.Int64Range(-int64(h), int64(3*h)).Draw(t, "after")))
		events[i] = event.Event{
			ID: int64(i + 1), At: now, Kind: rapid.SampledFrom(append(TimelineKinds(), event.Held)).Draw(t, "kind"), Tunnel: rapid.SampledFrom(names).Draw(t, "tunnel"),
			From: rapid.SampledFrom(words).Draw(t, "from"), To: rapid.SampledFrom(words).Draw(t, "to"),
			Cause:      rapid.SampledFrom([]tunnel.Cause{"", tunnel.Unanswered, tunnel.NoNetwork, tunnel.SignIn}).Draw(t, "cause"),
			DowntimeMs: rapid.SampledFrom([]int64{0, 0, 1, 5000, 4_000_000}).Draw(t, "downtime"),
		}
	}
	return events
}

// TestTimelineIsWhole: whatever the events, the spans follow each other, cover
// the time and no more, are no more than asked for, and the figures add up.
func TestTimelineIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		since := noon.Add(time.Duration(rapid.Int64Range(-int64(5*h), int64(30*h)).Draw(t, "since")))
		until := since.Add(time.Duration(rapid.Int64Range(1, int64(40*h)).Draw(t, "length")))
		k := Known{Events: events, Heard: []time.Time{since, until}}
		whole := k.Timeline(since, until)
		parts := rapid.IntRange(1, 30).Draw(t, "parts")
		for _, tl := range []Timeline{whole, whole.Merge(parts)} {
			cursor := since
			for _, s := range tl.Spans {
				if !s.From.Equal(cursor) || !s.Until.After(s.From) || s.State == "" || s.State == ServiceUnreachable {
					t.Fatalf("a span %+v after %s", s, cursor)
				}
				cursor = s.Until
			}
			if !cursor.Equal(until) {
				t.Fatalf("the spans end at %s, want %s", cursor, until)
			}
		}
		if n := len(whole.Merge(parts).Spans); n > parts {
			t.Fatalf("%d spans, want %d at most", n, parts)
		}
		var wished, up, stalled, blocked time.Duration // blocked may be without a wish
		for _, s := range whole.Spans {
			length := s.Until.Sub(s.From)
			switch s.State {
			case Off, Unknown:
			case Blocked:
				blocked += length
			default:
				wished += length
			}
			if works(s.State) {
				up += length
			}
			if s.State == Stalled {
				stalled += length
			}
		}
		if wished > whole.Wished || whole.Wished > wished+blocked || up != whole.Uptime || whole.Outage < stalled || whole.Uptime+whole.Outage > whole.Wished || (whole.Outages > 0) != (whole.Outage > 0) ||
			whole.Longest > whole.Outage || whole.Longest*time.Duration(whole.Outages) < whole.Outage {
			t.Fatalf("the spans come to %s, %s and %s or more, the figures are %+v", wished, up, stalled, whole)
		}
		for _, mv := range whole.Moves {
			if mv.At.Before(since) || !mv.At.Before(until) {
				t.Fatalf("a move at %s", mv.At)
			}
		}
		worstOf := func(tl Timeline) (worst int) {
			for _, s := range tl.Spans {
				worst = max(worst, slices.Index(worseLast, s.State))
			}
			return worst
		}
		if worstOf(whole) != worstOf(whole.Merge(parts)) {
			t.Fatal("what was worst is hidden")
		}
	})
}

// BenchmarkTimeline draws a year of 10,000 events.
func BenchmarkTimeline(b *testing.B) {
	events := well()
	for i := range 3332 {
		t := time.Duration(i+1) * 2 * h
		events = append(events, at(t, verdict("nl", "healthy", "suspect", tunnel.Unanswered)), at(t+10*s, verdict("nl", "suspect", "unhealthy", tunnel.Unanswered)),
			at(t+20*s, down(15*s, verdict("nl", "unhealthy", "healthy", ""))))
	}
	k := Known{Events: numbered(events)}
	for b.Loop() {
		k.Timeline(noon, noon.Add(365*24*h)).Merge(500)
	}
}
