package failover

import (
	"errors"
	"maps"
	"reflect"
	"slices"
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
		proof := map[tunnel.Name][]time.Time{} // the answers since the last silence
		asked := map[tunnel.Name]Action{}
		askedAt := map[tunnel.Name]time.Time{}
		data := map[tunnel.Name]Proof{} // what came of a question for data
		usable, seldom := true, false
		for range rapid.IntRange(1, 80).Draw(t, "inputs") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40000).Draw(t, "later")) * time.Millisecond)
			in := anyInput(t, p, names, waiting, now)
			switch in := in.(type) {
			case Probed:
				if !in.Answered {
					delete(proof, in.ID)
					delete(data, in.ID)
					break
				}
				proof[in.ID] = append(proof[in.ID], now)
				if asked[in.ID].Data || in.Data != "" {
					data[in.ID] = in.Data
				}
				delete(asked, in.ID)
			case Underlay:
				usable = in.Usable
				seldom = in.Cause == tunnel.SignIn || in.Cause == tunnel.NoInternet
			}
			waiting = answered(waiting, in)
			out := m.Step(now, in)
			if again := twin.Step(now, in); !reflect.DeepEqual(out, again) {
				t.Fatalf("%+v and %+v from the same inputs", out, again)
			}
			if !out.Next.IsZero() && !out.Next.After(now) {
				t.Fatalf("next %s is not after now", out.Next)
			}
			maps.DeleteFunc(askedAt, func(id tunnel.Name, _ time.Time) bool { return m.mate(id) == nil })
			acted := 0
			for _, a := range out.Actions {
				if a.Do == Probe && !usable && (!seldom || (!askedAt[a.ID].IsZero() && now.Sub(askedAt[a.ID]) < nowhereInterval)) {
					t.Fatalf("%+v without a network, asked at %s", a, askedAt[a.ID])
				}
				if a.Do == Probe {
					asked[a.ID], askedAt[a.ID] = a, now
				}
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
				if !usable && (a.Do == Switch || a.Do == Restart) && (!a.IfSilent || !m.leadsNowhere()) {
					t.Fatalf("%+v without a network", a)
				}
				if a.Do == Switch && !m.sameSite(a.From, a.ID) {
					if why := unproven(m, a, now, proof[a.ID], data[a.ID]); why != "" {
						t.Fatalf("%+v: %s", a, why)
					}
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

// unproven says what a switch lacks, if anything, by the member's answers since
// its last silence.
func unproven(m *Machine, a Action, now time.Time, answers []time.Time, data Proof) string {
	if len(answers) == 0 || now.Sub(answers[len(answers)-1]) > proofLasts {
		return "not answered a moment ago"
	}
	switch last := answers[len(answers)-1]; {
	case m.pin == a.ID:
		return ""
	case m.verdict != health.Unhealthy && data == Mute:
		return "a return to what carries nothing"
	case m.verdict != health.Unhealthy:
		return ""
	case m.cause == tunnel.ForwardsNothing && data == Mute:
		return "carries nothing"
	case m.cause == tunnel.ForwardsNothing || m.policy.Profile == Classic:
		return ""
	default:
		during := slices.DeleteFunc(slices.Clone(answers), func(t time.Time) bool { return t.Before(m.doubtAt) })
		if len(during) == 0 {
			return "not answered since the doubt began"
		}
		if !m.deadAt.IsZero() && during[0].After(m.deadAt) && last.Sub(during[0]) < outlast {
			return "not answered while the active one did not"
		}
		return ""
	}
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
	cause := rapid.SampledFrom([]tunnel.Cause{"", tunnel.Unanswered, tunnel.HandshakeTimeout, tunnel.ForwardsNothing}).Draw(t, "cause")
	below := rapid.SampledFrom([]tunnel.Cause{"", tunnel.NoNetwork, tunnel.SignIn, tunnel.NoInternet}).Draw(t, "below")
	data := rapid.SampledFrom([]Proof{"", Carries, Mute, Untestable}).Draw(t, "data")
	var dead time.Time
	if ago := rapid.IntRange(0, 20).Draw(t, "dead"); ago > 0 {
		dead = now.Add(-time.Duration(ago) * time.Second)
	}
	state := rapid.SampledFrom([]tunnel.State{tunnel.Down, tunnel.Starting, tunnel.Up, tunnel.Stopping}).Draw(t, "state")
	return rapid.SampledFrom([]Input{
		Connect{Target: "group", Members: members}, Connect{Target: "other", Members: members},
		Disconnect{}, Reconnect{}, SwitchTo{ID: id}, Configured{Policy: p, Members: members},
		Changed{ID: id, State: state, Err: err}, Switched{From: id, To: names[0], Err: err},
		Probed{ID: id, Answered: true}, Probed{ID: id, Answered: true, Data: data}, Probed{ID: id, Err: err},
		Judged{ID: id, Verdict: verdict, Cause: cause, Since: now.Add(-40 * time.Second)},
		Judged{ID: id, Verdict: health.Unhealthy, Cause: cause, Since: now.Add(-40 * time.Second), DeadAt: dead},
		Underlay{Usable: err == nil, Cause: below}, NetworkChanged{}, Woke{Slept: time.Hour}, Line{Quiet: err == nil},
		Tick{}, Tick{}, Tick{},
	}).Draw(t, "input")
}
