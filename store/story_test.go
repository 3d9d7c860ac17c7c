package store

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// life makes the events of a service: it is started, crashes, is wished for,
// fails, moves, and loses its network.
type life struct {
	rnd    *rand.Rand
	now    time.Time
	events []event.Event
	active tunnel.Name
}

func (l *life) tell(e event.Event) {
	e.ID, e.At = int64(len(l.events)+1), l.now
	l.events = append(l.events, e)
}

func (l *life) verdict(from, to string, c tunnel.Cause, downtime time.Duration) {
	l.tell(event.Event{Kind: event.VerdictChanged, Tunnel: l.active, From: from, To: to, Cause: c, DowntimeMs: downtime.Milliseconds(),
		Evidence: "12 packets went out, none came back"})
}

func (l *life) pass(most time.Duration) {
	l.now = l.now.Add(time.Duration(l.rnd.Int64N(int64(most))).Truncate(time.Microsecond) + time.Microsecond)
}

func (l *life) connect() {
	l.active = "nl"
	l.tell(event.Event{Kind: event.WishChanged, From: "off", To: "home"})
	l.pass(time.Second)
	l.tell(event.Event{Kind: event.StateChanged, Tunnel: l.active, From: "starting", To: "up"})
	l.pass(time.Second)
	l.verdict("unknown", "healthy", "", 0)
}

// happen tells of one thing more, after up to most.
func (l *life) happen(most time.Duration) {
	l.pass(most)
	switch l.rnd.IntN(8) {
	case 0:
		if l.rnd.IntN(2) == 0 {
			l.tell(event.Event{Kind: event.ServiceStopped})
			l.pass(time.Minute)
		}
		l.tell(event.Event{Kind: event.ServiceStarted})
		l.connect()
	case 1:
		l.tell(event.Event{Kind: event.WishChanged, From: "home", To: "off"})
		l.tell(event.Event{Kind: event.StateChanged, Tunnel: l.active, From: "stopping", To: "down"})
		l.pass(most)
		l.connect()
	case 2:
		l.tell(event.Event{Kind: event.UnderlayChanged, From: "ok", To: "no_network", Cause: tunnel.NoNetwork})
		l.pass(most)
		l.tell(event.Event{Kind: event.UnderlayChanged, From: "no_network", To: "ok"})
	case 3:
		was := l.active
		l.verdict("healthy", "unhealthy", tunnel.Unanswered, 0)
		l.pass(10 * time.Second)
		l.active = map[tunnel.Name]tunnel.Name{"nl": "de", "de": "nl"}[was]
		l.tell(event.Event{Kind: event.FailedOver, Tunnel: l.active, From: string(was), To: string(l.active), Cause: tunnel.Unanswered, DowntimeMs: 5000})
		l.verdict("unknown", "healthy", "", 0)
	default:
		l.verdict("healthy", "suspect", tunnel.Unanswered, 0)
		l.pass(10 * time.Second)
		l.verdict("suspect", "unhealthy", tunnel.Unanswered, 0)
		l.pass(most)
		l.verdict("unhealthy", "healthy", "", 15*time.Second)
		l.tell(event.Event{Kind: event.NoticeOpened, To: "unanswered"})
	}
}

// TestStoryIsEnough: a timeline drawn from a part of the history is the one
// that all of it gives, wherever the part begins.
func TestStoryIsEnough(t *testing.T) {
	t.Parallel()
	l := &life{rnd: rand.New(rand.NewPCG(7, 7)), now: epoch}
	l.tell(event.Event{Kind: event.ServiceStarted})
	l.connect()
	for range 150 {
		l.happen(time.Hour)
	}
	l.now = l.now.Add(240 * time.Hour) // then nothing but moves of the network, so that what counts lies far back
	for range 300 {
		l.pass(time.Minute)
		l.tell(event.Event{Kind: event.UnderlayChanged, From: "ok", To: "ok"})
	}
	for range 150 {
		l.happen(time.Hour)
	}
	c := &clock{now: l.now}
	s := mustOpen(t, options(t, c), func(tu *tuning) { tu.backlog = 100_000 })
	half := len(l.events) / 2
	s.Append(l.events[:half])
	mustFlush(t, s)
	s.Append(l.events[half:]) // some of these may still wait for the disk
	span := l.now.Sub(epoch)
	for range 200 {
		since := epoch.Add(time.Duration(l.rnd.Int64N(int64(span))))
		until := since.Add(time.Duration(l.rnd.Int64N(int64(span/3))) + time.Second)
		k, err := s.Story(t.Context(), since, until)
		if err != nil {
			t.Fatal(err)
		}
		got, want := k.Timeline(since, until), status.Known{Events: l.events}.Timeline(since, until)
		if d := cmp.Diff(got, want); d != "" {
			t.Fatalf("from %s to %s (-got +want):\n%s", since, until, d)
		}
	}
}

// TestStoryOfACrash: the samples tell until when the service ran.
func TestStoryOfACrash(t *testing.T) {
	c := &clock{now: epoch}
	s := mustOpen(t, options(t, c))
	l := &life{now: epoch}
	l.tell(event.Event{Kind: event.ServiceStarted})
	l.now = epoch.Add(2 * time.Hour)
	l.tell(event.Event{Kind: event.ServiceStarted})
	s.Append(l.events)
	for _, at := range []time.Duration{30 * time.Minute, 90 * time.Minute, 2*time.Hour + time.Second} {
		s.AddSample(Sample{At: epoch.Add(at), Tunnel: "nl", RxBytes: 1, Verdict: health.Healthy})
	}
	mustFlush(t, s)
	c.Set(epoch.Add(3 * time.Hour))
	k, err := s.Story(t.Context(), epoch, c.Now())
	if err != nil {
		t.Fatal(err)
	}
	if want := []time.Time{epoch.Add(90 * time.Minute)}; !cmp.Equal(k.Heard, want) {
		t.Errorf("heard of the service at %v, want %v", k.Heard, want)
	}
	spans := k.Timeline(epoch, c.Now()).Spans
	if len(spans) != 3 || spans[1].State != status.Unknown || !spans[1].From.Equal(epoch.Add(90*time.Minute)) {
		t.Errorf("got %+v", spans)
	}
}

// TestStoryKeepsTheNewest of more events than are read.
func TestStoryKeepsTheNewest(t *testing.T) {
	s := mustOpen(t, testOptions(t, t.TempDir()), func(tu *tuning) { tu.maxStory = 100 })
	s.Append(eventsFrom(1, 2000))
	mustFlush(t, s)
	k, err := s.Story(t.Context(), epoch, epoch.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(k.Events); n < 100 || n > 100+storyBefore || k.Events[n-1].ID != 2000 {
		t.Errorf("got %d events up to %d", n, k.Events[n-1].ID)
	}
}
