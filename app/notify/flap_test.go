package notify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

const mostADay = 6

// A link that fails all day, in many ways: at most six notifications in any 24
// hours, with the real board between them, and the last of a burst says that
// there is more of it.
func TestDayOfAFlappingLink(t *testing.T) {
	for _, tt := range []struct {
		name string
		flap func(w *world, at time.Duration) // one failure and its end
		each time.Duration
	}{
		{"it stops for 40 s every 2 min", func(w *world, at time.Duration) {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.Unanswered))
			w.tell(at+40*time.Second, judged("nl", health.Healthy, ""))
		}, 2 * time.Minute},
		{"there and back every 5 min", func(w *world, at time.Duration) {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.ServerDown))
			w.tell(at+3*time.Second, moved(event.FailedOver, "nl", "se", tunnel.ServerDown))
			w.tell(at+4*time.Second, judged("se", health.Healthy, ""))
			w.tell(at+130*time.Second, moved(event.FailedBack, "se", "nl", ""))
			w.tell(at+131*time.Second, judged("nl", health.Healthy, ""))
		}, 5 * time.Minute},
		{"every member is silent for a minute in ten", func(w *world, at time.Duration) {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.Unanswered))
			w.tell(at+2*time.Second, event.Event{Kind: event.Held, Tunnel: "nl", To: event.HeldAllSilent})
			w.tell(at+time.Minute, judged("nl", health.Healthy, ""))
		}, 10 * time.Minute},
		{"a sign-in page comes and goes", func(w *world, at time.Duration) {
			w.tell(at, network(tunnel.SignIn))
			w.tell(at+3*time.Minute, network(""))
			w.tell(at+3*time.Minute, judged("nl", health.Healthy, ""))
		}, 7 * time.Minute},
		{"12 min in every 25, which is long each time", func(w *world, at time.Duration) {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.KeyRefused))
			w.tell(at+12*time.Minute, judged("nl", health.Healthy, ""))
		}, 25 * time.Minute},
		{"once in 70 min", func(w *world, at time.Duration) {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.ServerDown))
			w.tell(at+5*time.Minute, judged("nl", health.Healthy, ""))
		}, 70 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(everything)
			w.tell(0, wishFor("home"))
			w.tell(time.Second, judged("nl", health.Healthy, ""))
			flaps := 0
			for at := time.Minute; at < 72*time.Hour; at += tt.each {
				tt.flap(w, at)
				flaps++
			}
			most := atMostInADay(w.shows)
			t.Logf("%d failures in 72 h: %d notifications, at most %d in 24 h\n%s", flaps, len(w.shows), most, w.told())
			if most > mostADay {
				t.Errorf("%d notifications in 24 h, want at most %d", most, mostADay)
			}
			if most < 3 {
				t.Errorf("%d notifications in 24 h: it is hardly told at all", most)
			}
		})
	}
}

func atMostInADay(shows []time.Time) (most int) {
	for i := range shows {
		n := 0
		for _, at := range shows[i:] {
			if at.Sub(shows[i]) < 24*time.Hour {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// A thousand days of chance: the bound holds whatever the link does; what is on
// the screen is about what is; and an outage of half an hour in the middle of a
// day of failures is told.
func TestAnyDay(t *testing.T) {
	days := 1000
	if testing.Short() {
		days = 50
	}
	for seed := range days {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		w := newWorld(everything)
		w.tell(0, wishFor("home"))
		causes := []tunnel.Cause{tunnel.Unanswered, tunnel.ServerDown, tunnel.KeyRefused, tunnel.UDPBlocked, tunnel.HandshakeTimeout}
		active, other := tunnel.Name("nl"), tunnel.Name("se")
		for at := time.Minute; at < 24*time.Hour; at += time.Duration(r.IntN(int(20 * time.Minute))) {
			switch r.IntN(7) {
			case 0, 1:
				w.tell(at, judged(active, health.Unhealthy, causes[r.IntN(len(causes))]))
			case 2, 3:
				w.tell(at, judged(active, health.Healthy, ""))
			case 4:
				w.tell(at, moved(event.FailedOver, active, other, tunnel.Unanswered))
				active, other = other, active
			case 5:
				w.tell(at, moved(event.FailedBack, active, other, ""))
				active, other = other, active
			case 6:
				w.tell(at, network([]tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn}[r.IntN(3)]))
			}
			onScreenIsTrue(t, w)
		}
		if most := atMostInADay(w.shows); most > mostADay || t.Failed() {
			t.Fatalf("seed %d: %d in 24 h\n%s", seed, most, w.told())
		}
	}
}

// onScreenIsTrue says that no notification tells of a trouble while none is open
// and the tunnel works, nor that it works while it does not.
func onScreenIsTrue(t *testing.T, w *world) {
	t.Helper()
	on := w.desk.shown[Link]
	if on == nil || on.unsteady {
		return
	}
	works := w.view.Usable && (w.view.Verdict == health.Healthy || w.view.Verdict == health.Idle)
	if on.trouble && works && w.view.Active == on.tunnel {
		t.Errorf("%s: %q is on the screen and the tunnel works", w.now.Sub(start), on.note.Title)
	}
	if on.note.Kind == Recovery && !works {
		t.Errorf("%s: %q is on the screen and the tunnel does not work", w.now.Sub(start), on.note.Title)
	}
}

func TestALongOutageIsToldThoughMuchWas(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	w.tell(time.Second, judged("nl", health.Healthy, ""))
	at := time.Minute
	for range 10 {
		w.tell(at, judged("nl", health.Unhealthy, tunnel.Unanswered))
		w.tell(at+time.Minute, judged("nl", health.Healthy, ""))
		at += 3 * time.Minute
	}
	burst := len(w.shows)
	w.tell(at, judged("nl", health.Unhealthy, tunnel.ServerDown))
	w.runTo(start.Add(at + 9*time.Minute))
	if len(w.shows) != burst {
		t.Errorf("the eleventh failure was told at once:\n%s", w.told())
	}
	w.runTo(start.Add(at + 30*time.Minute))
	want := fmt.Sprintf("%s +link stall: ", at+longOutage)
	if last := w.out[len(w.out)-1]; len(w.shows) != burst+1 || !strings.HasPrefix(last, want) {
		t.Errorf("got %q, want %q…", last, want)
	}
}

// Who connects anew has just looked at it: the next failure is news.
func TestTheWishBeginsTheCountAnew(t *testing.T) {
	w := newWorld(everything)
	w.tell(0, wishFor("home"))
	at := time.Minute
	fail := func(n int) {
		for range n {
			w.tell(at, judged("nl", health.Unhealthy, tunnel.Unanswered))
			w.tell(at+time.Minute, judged("nl", health.Healthy, ""))
			at += 3 * time.Minute
		}
	}
	fail(5)
	burst := len(w.shows)
	w.tell(at, wishFor("off"))
	w.tell(at+time.Second, wishFor("home"))
	w.tell(at+2*time.Second, judged("nl", health.Healthy, ""))
	at += time.Minute
	fail(1)
	if got := len(w.shows) - burst; got != 2 {
		t.Errorf("%d notifications after the wish, want the stall and the recovery\n%s", got, w.told())
	}
}
