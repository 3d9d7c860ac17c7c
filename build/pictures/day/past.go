package main

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/store"
)

// writePast tells the day before now in a state folder: a server that stopped
// answering, a journey without a network, a server that forwarded nothing, and
// quiet hours.
func writePast(dir string, now time.Time) (err error) {
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d := &day{at: now.Add(-24*time.Hour - 10*time.Minute)}
	d.tell(event.Event{Kind: event.ServiceStarted})
	d.tell(event.Event{Kind: event.WishChanged, From: "off", To: "home"})
	d.comesUp("berlin")
	d.after(3*time.Hour + 20*time.Minute)
	d.fails("berlin", "paris", tunnel.KeyRefused, 2*time.Second, 2360,
		"Doubted for 2.3 s: 6 packets left, nothing came. 0 of 7 handshake questions answered.", "Paris answered within 36 ms while berlin did not answer.")
	d.after(50 * time.Minute)
	d.returns("paris", "berlin")
	d.rests("berlin", 2*time.Hour, 7*time.Hour)
	d.after(70 * time.Minute)
	d.leaves("berlin", 25*time.Minute)
	d.after(2 * time.Hour)
	d.fails("berlin", "paris", tunnel.ForwardsNothing, 3*time.Second, 3180,
		"Doubted for 3 s: 9 packets left, nothing came. 10 of 10 handshake questions answered.", "Data passes through paris and not through berlin.")
	d.after(100 * time.Minute)
	d.returns("paris", "berlin")
	d.rests("berlin", 40*time.Minute, 90*time.Minute)
	d.at = now.Add(-20 * time.Second)
	d.tell(event.Event{Kind: event.ServiceStopped})
	s.Append(d.events)
	measure(s, status.Known{Events: d.events}.Timeline(d.events[0].At, d.at).Spans)
	return s.Flush(context.Background())
}

// measure adds what a person's traffic through a tunnel that works looks like, a
// sample a minute.
func measure(s *store.Store, spans []status.Span) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, span := range spans {
		if span.State != status.Protected {
			continue
		}
		rtt := map[tunnel.Name]float64{"berlin": 17, "paris": 29}[span.Tunnel]
		for at := span.From; at.Before(span.Until); at = at.Add(time.Minute) {
			rx := math.Exp(15.6 + 1.2*math.Sin(float64(at.Unix())/5400) + rnd.NormFloat64()*0.6) // bytes in the minute
			s.AddSample(store.Sample{
				At: at, Tunnel: span.Tunnel, RxBytes: uint64(rx), TxBytes: uint64(rx / (5 + 4*rnd.Float64())),
				RTT:     time.Duration((rtt + 2*rnd.ExpFloat64()) * float64(time.Millisecond)),
				Verdict: health.Healthy, Overall: status.Protected,
			})
		}
	}
}

// day is told from its beginning to its end.
type day struct {
	at     time.Time
	events []event.Event
}

func (d *day) after(t time.Duration) { d.at = d.at.Add(t) }

// tell adds an event; the next is a few milliseconds later.
func (d *day) tell(e event.Event) {
	e.ID, e.At = int64(len(d.events)+1), d.at
	d.events = append(d.events, e)
	d.after(7 * time.Millisecond)
}

func (d *day) judge(name tunnel.Name, from, to string, cause tunnel.Cause, evidence string) {
	d.tell(event.Event{Kind: event.VerdictChanged, Tunnel: name, From: from, To: to, Cause: cause, Evidence: evidence})
}

func (d *day) comesUp(name tunnel.Name) {
	d.tell(event.Event{Kind: event.StateChanged, Tunnel: name, From: "down", To: "starting"})
	d.tell(event.Event{Kind: event.StateChanged, Tunnel: name, From: "starting", To: "up"})
	d.after(40 * time.Millisecond)
	d.judge(name, "unknown", "healthy", "", "")
}

// fails is a server that stops working, and the move to another.
func (d *day) fails(from, to tunnel.Name, cause tunnel.Cause, doubt time.Duration, downtimeMs int64, seen, proof string) {
	d.judge(from, "healthy", "suspect", tunnel.Unanswered, "")
	d.after(doubt / 6)
	d.judge(from, "suspect", "unhealthy", cause, seen)
	d.tell(event.Event{Kind: event.FailedOver, Tunnel: to, From: string(from), To: string(to), Cause: cause, DowntimeMs: downtimeMs, Evidence: proof})
	d.judge(to, "unknown", "healthy", "", "")
}

func (d *day) returns(from, to tunnel.Name) {
	d.tell(event.Event{Kind: event.FailedBack, Tunnel: to, From: string(from), To: string(to),
		Evidence: "It has been stable, and data passed through it beforehand."})
	d.judge(to, "unknown", "healthy", "", "")
}

// rests is a time in which nothing is sent, some time from now.
func (d *day) rests(name tunnel.Name, after, length time.Duration) {
	d.after(after)
	d.judge(name, "healthy", "idle", "", "")
	d.after(length)
	d.judge(name, "idle", "healthy", "", "")
}

// leaves is a time without a network.
func (d *day) leaves(name tunnel.Name, length time.Duration) {
	d.tell(event.Event{Kind: event.UnderlayChanged, From: "ok", To: string(tunnel.NoNetwork), Cause: tunnel.NoNetwork})
	d.after(length)
	d.tell(event.Event{Kind: event.UnderlayChanged, From: string(tunnel.NoNetwork), To: "ok"})
	d.judge(name, "unknown", "healthy", "", "")
}
