package failover_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// darkness is a group none of whose members answers, with the reports that a
// real engine gives: a silent probe after 5 s, an answered one after 50 ms, and
// of the active member the news that it is still dead.
type darkness struct {
	t       *testing.T
	now     time.Time
	machine *failover.Machine
	board   *event.Board
	next    time.Time
	queue   []later
	alive   map[tunnel.Name]bool
	judgeAt time.Time

	did                  map[failover.Verb]int
	held, opened, nextID int64
	movedTo              tunnel.Name
	movedAt              time.Time
}

type later struct {
	at time.Time
	in failover.Input
}

func newDarkness(t *testing.T, p failover.Policy) *darkness {
	d := &darkness{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), machine: failover.New(p),
		board: event.NewBoard(time.Minute), alive: map[tunnel.Name]bool{}, did: map[failover.Verb]int{}}
	var members []failover.Member
	for i, n := range []tunnel.Name{"home", "office", "paris"} {
		members = append(members, failover.Member{Name: n, Site: tunnel.Site{byte(i + 1)}})
	}
	d.step(failover.Connect{Target: "group", Members: members})
	d.pass(time.Second)
	d.step(failover.Judged{ID: "home", Verdict: health.Healthy})
	d.pass(time.Minute)
	d.judge()
	return d
}

// judge tells that the active member is dead, and goes on telling it every 5 s.
func (d *darkness) judge() {
	d.judgeAt = d.now.Add(5 * time.Second)
	if v := d.machine.View(); v.Active == "home" && !d.alive["home"] {
		d.step(failover.Judged{ID: "home", Verdict: health.Unhealthy, Cause: tunnel.Unanswered,
			Since: d.now.Add(-5 * time.Second), DeadAt: d.now.Add(-200 * time.Millisecond)})
	}
}

func (d *darkness) step(in failover.Input) {
	out := d.machine.Step(d.now, in)
	d.next = out.Next
	for _, a := range out.Actions {
		d.did[a.Do]++
		d.answer(a)
	}
	for i := range out.Events {
		d.nextID++
		out.Events[i].ID = d.nextID
		if out.Events[i].Kind == event.Held {
			d.held++
		}
	}
	d.take(out.Events)
}

func (d *darkness) take(events []event.Event) {
	for _, e := range d.board.Take(d.now, events) {
		if e.Kind == event.NoticeOpened {
			d.opened++
		}
	}
}

func (d *darkness) answer(a failover.Action) {
	soon := d.now.Add(50 * time.Millisecond)
	switch a.Do {
	case failover.Start, failover.Restart:
		d.queue = append(d.queue, later{soon, failover.Changed{ID: a.ID, State: tunnel.Up}})
	case failover.Switch:
		d.movedTo, d.movedAt = a.ID, d.now
		d.queue = append(d.queue, later{soon, failover.Switched{From: a.From, To: a.ID}})
	case failover.Probe:
		if d.alive[a.ID] {
			d.queue = append(d.queue, later{soon, failover.Probed{ID: a.ID, Answered: true}})
		} else {
			d.queue = append(d.queue, later{d.now.Add(5 * time.Second), failover.Probed{ID: a.ID}})
		}
	default:
	}
}

func (d *darkness) pass(lasts time.Duration) {
	for end := d.now.Add(lasts); ; {
		at, first := end, -1
		for i, q := range d.queue {
			if q.at.Before(at) {
				at, first = q.at, i
			}
		}
		for _, t := range []time.Time{d.next, d.judgeAt, d.board.Next()} {
			if !t.IsZero() && t.After(d.now) && t.Before(at) {
				at, first = t, -1
			}
		}
		d.now = at
		switch {
		case first >= 0:
			q := d.queue[first]
			d.queue = append(d.queue[:first], d.queue[first+1:]...)
			d.step(q.in)
			if p, is := q.in.(failover.Probed); is && p.Answered && !d.judgeAt.IsZero() {
				d.judgeAt = d.now.Add(500 * time.Millisecond) // the active one is asked again at once
			}
		case at.Equal(end):
			return
		case at.Equal(d.judgeAt):
			d.judge()
		default:
			d.step(failover.Tick{})
		}
		d.take(nil)
	}
}

// All members are dead for 12 h: one Held, one notice, bounded attempts, no
// growth, and service within 10 s of the return of any of them.
func TestTwelveHoursOfDarkness(t *testing.T) {
	for _, profile := range []failover.Profile{failover.Balanced, failover.Classic} {
		for _, back := range []tunnel.Name{"home", "office", "paris"} {
			t.Run(fmt.Sprintf("%s until %s returns", profile, back), func(t *testing.T) {
				p := failover.DefaultPolicy()
				p.Profile = profile
				d := newDarkness(t, p)
				d.pass(time.Hour)
				before := alloc()
				d.pass(11 * time.Hour)
				if grown := alloc() - before; grown > 64<<10 {
					t.Errorf("the heap grew by %d bytes", grown)
				}
				if d.held != 1 || d.opened != 1 {
					t.Errorf("%d Held events and %d notices, want one of each", d.held, d.opened)
				}
				most := int(12*time.Hour/(8*time.Second)) + 10
				if n := d.did[failover.Probe]; n > 2*most || d.did[failover.Restart] > 12*60+10 || d.did[failover.Switch] != 0 {
					t.Errorf("too much was done: %v", d.did)
				}
				d.returns(back, 0)
			})
		}
	}
}

// However the moment of the return lies to the questions.
func TestReturnAtAnyMoment(t *testing.T) {
	for after := time.Duration(0); after < 9*time.Second; after += 700 * time.Millisecond {
		d := newDarkness(t, failover.DefaultPolicy())
		d.pass(time.Hour)
		d.returns("paris", after)
	}
}

// returns lets a member come back, and looks for service.
func (d *darkness) returns(back tunnel.Name, after time.Duration) {
	d.t.Helper()
	d.pass(after)
	at := d.now
	d.alive[back] = true
	if back == "home" {
		d.step(failover.Judged{ID: "home", Verdict: health.Healthy})
	}
	d.pass(20 * time.Second)
	v := d.machine.View()
	if v.Active != back || (back != "home" && (d.movedTo != back || d.movedAt.Sub(at) > 10*time.Second)) {
		d.t.Errorf("moved to %q after %s, view %+v", d.movedTo, d.movedAt.Sub(at), v)
	}
	if back == "home" && d.did[failover.Switch] != 0 {
		d.t.Errorf("a switch although home is back: %v", d.did)
	}
}

// alloc is what lives on the heap, in bytes.
func alloc() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
