package health

import (
	"testing"
	"time"

	"holdfast/service/tunnel"
)

// What the server says to the questions names the cause.
func TestAnswersThatAreNone(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(p *tunnel.Path)
		want tunnel.Cause
	}{
		{"nothing", func(*tunnel.Path) {}, tunnel.Unanswered},
		{"cookies", func(p *tunnel.Path) { p.Cookies++ }, tunnel.ServerOverloaded},
		{"responses that do not authenticate", func(p *tunnel.Path) { p.BadResponses++ }, tunnel.PSKMismatch},
		{"both", func(p *tunnel.Path) { p.Cookies++; p.BadResponses++ }, tunnel.PSKMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(20, balanced())
			shapes["pings"](w)
			w.run(time.Minute, nil)
			w.noAskAnswer, w.forgot = true, true
			w.every(300*ms, func() { tt.say(&w.c.Path) })
			w.run(time.Minute, w.isUnhealthy)
			if w.last.Cause != tt.want {
				t.Errorf("got %s, want %s", show(w.last), tt.want)
			}
		})
	}
}

// A peer that begins handshakes which nothing comes of does not hear us.
func TestPeerThatHearsNothing(t *testing.T) {
	w := newWorld(21, patient())
	w.keep = true
	w.every(100*ms, func() { w.data(ignored) })
	w.every(100*ms, func() {
		if !w.deadUp {
			w.down(func() { w.receive(true, false, 0) })
		}
	})
	w.run(time.Minute, nil)
	w.deadUp = true
	died := w.now
	w.every(5*sec, func() {
		if w.deadUp {
			w.c.RxBytes += initiationSize
			w.c.Path.PeerInitiations++
		}
	})
	w.run(time.Minute, w.isUnhealthy)
	if took := w.now - died; !w.isUnhealthy() || took > 13*sec {
		t.Errorf("after %s: %s\n%v", took, show(w.last), w.log)
	}
}

// A firewall that lets go again ends it.
func TestFirewallLetsGo(t *testing.T) {
	w := newWorld(22, balanced())
	w.keep = true
	shapes["pings"](w)
	w.run(time.Minute, nil)
	w.refuses = true
	w.run(10*sec, nil)
	if !w.isUnhealthy() || w.last.Cause != tunnel.LocalFirewall || at(w.now).Sub(w.last.DeadAt) > sec {
		t.Fatalf("%s, dead at %s\n%v", show(w.last), w.last.DeadAt, w.log)
	}
	w.refuses = false
	w.run(2*sec, nil)
	if w.last.Verdict != Healthy {
		t.Errorf("%s\n%v", show(w.last), w.log[max(0, len(w.log)-10):])
	}
	// A few datagrams that are refused among others mean nothing.
	w.seen = map[Verdict]int{}
	w.every(200*ms, func() { w.c.Path.Refused++ })
	w.run(30*sec, nil)
	if w.seen[Suspect]+w.seen[Unhealthy] > 0 {
		t.Errorf("%v", w.seen)
	}
}

// Looks that come late find answers unread, and are no evidence: the machine was
// busy or stopped.
func TestLateLooks(t *testing.T) {
	for _, p := range profiles {
		w := newWorld(23, p.limits)
		w.keep = true
		shapes["pings at 5 a second"](w)
		w.run(time.Minute, nil)
		// The way down is deaf for as long as nobody looks: what came lies unread.
		for range 50 {
			w.deadDn = true
			w.next = at(w.now + 3*p.limits.SuspectAfter)
			w.run(3*p.limits.SuspectAfter-ms, nil)
			w.look()
			w.deadDn = false
			w.run(5*sec, nil)
		}
		if w.seen[Unhealthy] > 0 {
			t.Errorf("%s: %v\n%v", p.name, w.seen, w.log)
		}
	}
}

// Dead for half a day: the questions are bounded, and the return is found soon.
func TestDeadForLong(t *testing.T) {
	w := newWorld(24, balanced())
	shapes["pings"](w)
	w.run(time.Minute, nil)
	w.deadUp, w.deadDn = true, true
	asks := w.asks
	w.run(12*time.Hour, nil)
	asks = w.asks - asks
	t.Logf("%d asks in 12 h, %d looks", asks, w.looks)
	if !w.isUnhealthy() || asks > 12*900 || at(w.now).Sub(w.last.DeadAt) > 15*sec {
		t.Errorf("%s, %d asks, dead at %s ago", show(w.last), asks, at(w.now).Sub(w.last.DeadAt))
	}
	w.deadUp, w.deadDn = false, false
	back := w.now
	w.run(time.Minute, func() bool { return w.last.Verdict == Healthy })
	if took := w.now - back; took > 5500*ms {
		t.Errorf("healthy after %s", took)
	}
}

func TestNeeded(t *testing.T) {
	for _, tt := range []struct {
		loss float64
		of   int
		want int
	}{{0, 0, 9}, {0, 20, 5}, {0, 64, 4}, {.02, 64, 6}, {.19, 64, 11}, {.36, 64, 16}, {1, 64, 16}, {-1, -1, 9}, {7, 64, 16}} {
		if got := needed(&tunnel.Path{Loss: tt.loss, LossOf: tt.of}); got != tt.want {
			t.Errorf("loss %v of %d: got %d, want %d", tt.loss, tt.of, got, tt.want)
		}
	}
}
