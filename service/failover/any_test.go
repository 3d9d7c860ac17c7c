package failover

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Any inputs in any order, fitting or not: the machine promises what it
// promises.
func TestAnyInputs(t *testing.T) {
	names := []tunnel.Name{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultPolicy()
		for _, s := range Settings() {
			if len(s.Choices) > 1 {
				if err := s.Set(&p, rapid.SampledFrom(s.Choices).Draw(t, s.Key)); err != nil {
					t.Fatal(err)
				}
			}
		}
		m, twin := New(p), New(p)
		now := dawn
		waiting := Action{}
		proof := map[tunnel.Name]time.Time{}
		usable := true
		for range rapid.IntRange(1, 80).Draw(t, "inputs") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40000).Draw(t, "later")) * time.Millisecond)
			in := anyInput(t, p, names, waiting, now)
			switch in := in.(type) {
			case Probed:
				delete(proof, in.ID)
				if in.Answered {
					proof[in.ID] = now
				}
			case Underlay:
				usable = in.Usable
			}
			waiting = answered(waiting, in)
			out := m.Step(now, in)
			if again := twin.Step(now, in); !reflect.DeepEqual(out, again) {
				t.Fatalf("%+v and %+v from the same inputs", out, again)
			}
			if !out.Next.IsZero() && !out.Next.After(now) {
				t.Fatalf("next %s is not after now", out.Next)
			}
			acted := 0
			for _, a := range out.Actions {
				if a.Do == Probe || a.Do == Release {
					continue
				}
				acted++
				if waiting.Do != "" {
					t.Fatalf("%+v while %+v is under way, after %#v", a, waiting, in)
				}
				if !m.on && a.Do != Stop {
					t.Fatalf("%+v while the wish is off", a)
				}
				if !usable && (a.Do == Switch || a.Do == Restart) {
					t.Fatalf("%+v without a network", a)
				}
				if at, ok := proof[a.ID]; a.Do == Switch && !m.sameSite(a.From, a.ID) && (!ok || now.Sub(at) > proofLasts) {
					t.Fatalf("%+v is not proven", a)
				}
				waiting = a
			}
			if acted > 1 {
				t.Fatalf("%d tunnel actions at once: %+v", acted, out.Actions)
			}
			if v := m.View(); (v.Active == "") != (v.State == tunnel.Down) {
				t.Fatalf("view %+v", v)
			}
		}
	})
}

// answered says what is still under way after an input.
func answered(waiting Action, in Input) Action {
	switch in := in.(type) {
	case Changed:
		up := in.State == tunnel.Up && (waiting.Do == Start || waiting.Do == Restart)
		if in.ID == waiting.ID && waiting.Do != Switch && (up || in.State == tunnel.Down) {
			return Action{}
		}
	case Switched:
		if waiting.Do == Switch && in.To == waiting.ID {
			return Action{}
		}
	}
	return waiting
}

// anyInput draws an input, most often the report that is waited for.
func anyInput(t *rapid.T, p Policy, names []tunnel.Name, waiting Action, now time.Time) Input {
	id := rapid.SampledFrom(names).Draw(t, "id")
	var err error
	if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
		err = errors.New("no")
	}
	if waiting.Do != "" && rapid.Bool().Draw(t, "report") {
		switch {
		case waiting.Do == Switch:
			return Switched{From: waiting.From, To: waiting.ID, Err: err}
		case waiting.Do == Stop || err != nil:
			return Changed{ID: waiting.ID, State: tunnel.Down, Err: err}
		default:
			return Changed{ID: waiting.ID, State: tunnel.Up}
		}
	}
	members := make([]Member, rapid.IntRange(0, len(names)).Draw(t, "members"))
	for i := range members {
		members[i] = Member{Name: names[i], Site: tunnel.Site{byte(rapid.IntRange(0, 3).Draw(t, "site"))}}
	}
	verdict := rapid.SampledFrom([]health.Verdict{health.Unknown, health.Idle, health.Healthy, health.Suspect, health.Unhealthy}).Draw(t, "verdict")
	cause := rapid.SampledFrom([]tunnel.Cause{"", tunnel.Unanswered, tunnel.HandshakeTimeout}).Draw(t, "cause")
	state := rapid.SampledFrom([]tunnel.State{tunnel.Down, tunnel.Starting, tunnel.Up, tunnel.Stopping}).Draw(t, "state")
	return rapid.SampledFrom([]Input{
		Connect{Target: "group", Members: members}, Connect{Target: "other", Members: members},
		Disconnect{}, Reconnect{}, SwitchTo{ID: id}, Configured{Policy: p, Members: members},
		Changed{ID: id, State: state, Err: err}, Switched{From: id, To: names[0], Err: err},
		Probed{ID: id, Answered: true}, Probed{ID: id, Answered: true}, Probed{ID: id, Err: err},
		Judged{ID: id, Verdict: verdict, Cause: cause, Since: now.Add(-40 * time.Second)},
		Judged{ID: id, Verdict: health.Unhealthy, Cause: cause, Since: now.Add(-40 * time.Second)},
		Underlay{Usable: err == nil, Cause: cause}, NetworkChanged{}, Woke{Slept: time.Hour}, Line{Quiet: err == nil},
		Tick{}, Tick{}, Tick{},
	}).Draw(t, "input")
}
