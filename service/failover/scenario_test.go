package failover

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/service/health"
	"holdfast/service/tunnel"
)

var update = flag.Bool("update", false, "rewrite the answers in the scenarios")

// TestScenarios plays every testdata/*.txt. A line is a moment and an input;
// the indented lines under it are what the machine answered. After a wanted
// change run with -update and read the diff.
//
// Before the first moment:
//
//	members home office=s1 paris=s1    the members, with their sites
//	set minimum_hold=30s               settings
//	world home office=dead             reports come by themselves: an action
//	                                   after 50 ms, a dead member's probe after
//	                                   5 s; ticks come when they are asked for;
//	                                   office=mute answers and carries nothing,
//	                                   office=untestable carries unprovably
//
// With a world, "world …" is also an input, and "until" lets time pass.
func TestScenarios(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) < 20 {
		t.Fatalf("%d scenarios", len(files))
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			p := &player{t: t, policy: DefaultPolicy()}
			got := p.play(string(want))
			if *update {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("%s differs:\n%s", f, firstDifference(got, string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			w = append(w, "")
			return fmt.Sprintf("line %d\n got: %s\nwant: %s", i+1, g[i], w[min(i, len(w)-1)])
		}
	}
	return "more was wanted"
}

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// player plays one scenario.
type player struct {
	t       *testing.T
	out     strings.Builder
	policy  Policy
	members []Member
	m       *Machine
	next    time.Time
	world   map[tunnel.Name]string // nil: reports are in the script
	queue   []report
}

type report struct {
	at time.Time
	in Input
}

func (p *player) play(script string) string {
	s := bufio.NewScanner(strings.NewReader(script))
	for s.Scan() {
		line := s.Text()
		if strings.HasPrefix(line, "    ") {
			continue // an old answer
		}
		w := strings.Fields(line)
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			fmt.Fprintln(&p.out, line)
			continue
		}
		at, err := time.ParseDuration(w[0])
		if err != nil {
			fmt.Fprintln(&p.out, line)
			p.prepare(w)
			continue
		}
		if p.m == nil {
			p.m = New(p.policy)
		}
		p.pass(dawn.Add(at))
		fmt.Fprintln(&p.out, line)
		switch w[1] {
		case "until":
		case "world":
			p.setWorld(w[2:])
		default:
			p.step(dawn.Add(at), p.input(w[1:]), false)
		}
	}
	return p.out.String()
}

// prepare takes a line without a moment.
func (p *player) prepare(w []string) {
	switch w[0] {
	case "members":
		p.members = readMembers(w[1:])
	case "set":
		p.set(w[1:])
	case "world":
		p.setWorld(w[1:])
	default:
		p.t.Fatalf("unknown line %q", w)
	}
}

func (p *player) set(pairs []string) {
	for _, kv := range pairs {
		k, v, _ := strings.Cut(kv, "=")
		s, ok := Lookup(k)
		if !ok {
			p.t.Fatalf("no setting %q", k)
		}
		if err := s.Set(&p.policy, v); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *player) setWorld(w []string) {
	p.world = map[tunnel.Name]string{}
	for _, kv := range w {
		k, v, is := strings.Cut(kv, "=")
		if !is {
			v = string(Carries)
		}
		p.world[tunnel.Name(k)] = v
	}
}

func readMembers(w []string) (out []Member) {
	for _, kv := range w {
		k, site, shared := strings.Cut(kv, "=")
		m := Member{Name: tunnel.Name(k)}
		m.Site[0], m.Site[1] = byte(len(out)+1), 1
		if shared {
			m.Site = tunnel.Site{}
			copy(m.Site[:], "site "+site)
		}
		out = append(out, m)
	}
	return out
}

// pass lets time pass up to a moment: reports and ticks of a world come.
func (p *player) pass(to time.Time) {
	for p.world != nil {
		slices.SortStableFunc(p.queue, func(a, b report) int { return a.at.Compare(b.at) })
		switch {
		case len(p.queue) > 0 && !p.queue[0].at.After(to) && (p.next.IsZero() || !p.queue[0].at.After(p.next)):
			r := p.queue[0]
			p.queue = p.queue[1:]
			p.step(r.at, r.in, true)
		case !p.next.IsZero() && !p.next.After(to):
			p.step(p.next, Tick{}, true)
		default:
			return
		}
	}
}

func (p *player) step(at time.Time, in Input, show bool) {
	out := p.m.Step(at, in)
	p.next = out.Next
	if show && len(out.Actions)+len(out.Events) > 0 {
		fmt.Fprintf(&p.out, "    at %s %s\n", short(at.Sub(dawn)), word(in))
	}
	for _, a := range out.Actions {
		fmt.Fprintf(&p.out, "    %s\n", wordAction(a))
		p.answer(at, a)
	}
	for _, e := range out.Events {
		fmt.Fprintf(&p.out, "    event %s", e.Kind)
		if e.Tunnel != "" {
			fmt.Fprintf(&p.out, " %s", e.Tunnel)
		}
		if e.From != "" {
			fmt.Fprintf(&p.out, " %s", e.From)
		}
		if e.To != "" {
			fmt.Fprintf(&p.out, " -> %s", e.To)
		}
		if e.Cause != "" {
			fmt.Fprintf(&p.out, " [%s]", e.Cause)
		}
		if e.DowntimeMs != 0 {
			fmt.Fprintf(&p.out, " down %s", short(time.Duration(e.DowntimeMs)*time.Millisecond))
		}
		if e.Evidence != "" {
			fmt.Fprintf(&p.out, " %q", e.Evidence)
		}
		fmt.Fprintln(&p.out)
	}
	if !show && p.world == nil && !out.Next.IsZero() {
		fmt.Fprintf(&p.out, "    next %s\n", short(out.Next.Sub(dawn)))
	}
}

func short(d time.Duration) string { return write(d.Round(time.Millisecond)) }

func wordAction(a Action) string {
	switch a.Do {
	case Switch:
		if a.IfSilent {
			return fmt.Sprintf("switch %s -> %s if silent", a.From, a.ID)
		}
		return fmt.Sprintf("switch %s -> %s", a.From, a.ID)
	case Restart:
		return fmt.Sprintf("restart %s %s", a.ID, a.Rung)
	case Probe:
		if a.Data {
			return fmt.Sprintf("probe %s data", a.ID)
		}
		fallthrough
	default:
		return fmt.Sprintf("%s %s", a.Do, a.ID)
	}
}

func word(in Input) string {
	switch in := in.(type) {
	case Changed:
		return fmt.Sprintf("%s %s", in.ID, in.State)
	case Switched:
		return fmt.Sprintf("moved %s %s", in.From, in.To)
	case Probed:
		if in.Answered {
			return strings.TrimSpace(fmt.Sprintf("%s answered %s", in.ID, in.Data))
		}
		return fmt.Sprintf("%s silent", in.ID)
	default:
		return "tick"
	}
}

// answer queues what the world reports about an action.
func (p *player) answer(at time.Time, a Action) {
	if p.world == nil {
		return
	}
	soon := at.Add(50 * time.Millisecond)
	switch a.Do {
	case Start, Restart:
		p.queue = append(p.queue, report{soon, Changed{ID: a.ID, State: tunnel.Up}})
	case Stop:
		p.queue = append(p.queue, report{soon, Changed{ID: a.ID, State: tunnel.Down}})
	case Switch:
		p.queue = append(p.queue, report{soon, Switched{From: a.From, To: a.ID}})
	case Probe:
		if is := p.world[a.ID]; is == "dead" || is == "" {
			p.queue = append(p.queue, report{at.Add(5 * time.Second), Probed{ID: a.ID}})
		} else {
			in := Probed{ID: a.ID, Answered: true, RTT: 20 * time.Millisecond}
			if a.Data {
				in.Data = Proof(is)
			}
			p.queue = append(p.queue, report{soon, in})
		}
	default: // a Release is not answered
	}
}

// input reads one input.
func (p *player) input(w []string) Input {
	switch w[0] {
	case "connect":
		if len(w) > 1 {
			return Connect{Target: tunnel.Name(w[1]), Members: readMembers(w[2:])}
		}
		return Connect{Target: "group", Members: p.members}
	case "disconnect":
		return Disconnect{}
	case "reconnect":
		return Reconnect{}
	case "switch":
		return SwitchTo{ID: tunnel.Name(w[1])}
	case "members":
		p.members = readMembers(w[1:])
		return Configured{Policy: p.policy, Members: p.members}
	case "set":
		p.set(w[1:])
		return Configured{Policy: p.policy}
	case "underlay":
		return Underlay{Usable: w[1] == "ok", Cause: tunnel.Cause(strings.TrimPrefix(w[1], "ok"))}
	case "network":
		return NetworkChanged{}
	case "woke":
		d, err := time.ParseDuration(w[1])
		if err != nil {
			p.t.Fatal(err)
		}
		return Woke{Slept: d}
	case "line":
		return Line{Quiet: w[1] == "quiet"}
	case "tick":
		return Tick{}
	case "moved":
		in := Switched{From: tunnel.Name(w[1]), To: tunnel.Name(w[2])}
		if len(w) > 3 {
			in.Err = errors.New(strings.Join(w[3:], " "))
		}
		return in
	}
	return p.about(tunnel.Name(w[0]), w[1:])
}

// about reads an input about one member.
func (p *player) about(id tunnel.Name, w []string) Input {
	switch w[0] {
	case "up":
		return Changed{ID: id, State: tunnel.Up}
	case "down":
		return Changed{ID: id, State: tunnel.Down}
	case "failed":
		return Changed{ID: id, State: tunnel.Down, Err: errors.New(strings.Join(w[1:], " "))}
	case "answered":
		in := Probed{ID: id, Answered: true, RTT: 20 * time.Millisecond}
		if len(w) > 1 {
			in.Data = Proof(w[1])
		}
		return in
	case "silent":
		return Probed{ID: id}
	case "healthy", "idle", "unknown":
		return Judged{ID: id, Verdict: health.Verdict(w[0])}
	case "suspect", "unhealthy":
		in := Judged{ID: id, Verdict: health.Verdict(w[0]), Cause: tunnel.Unanswered}
		d, err := time.ParseDuration(w[1])
		if err != nil {
			p.t.Fatal(err)
		}
		in.Since = dawn.Add(d)
		for _, more := range w[2:] {
			dead, is := strings.CutPrefix(more, "dead=")
			if !is {
				in.Cause = tunnel.Cause(more)
			} else if d, err = time.ParseDuration(dead); err == nil {
				in.DeadAt = dawn.Add(d)
			} else {
				p.t.Fatal(err)
			}
		}
		return in
	}
	p.t.Fatalf("unknown input %q %q", id, w)
	return nil
}
