package lab

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/service/tunnel"
)

func TestScriptsAreRead(t *testing.T) {
	t.Parallel()
	text := "\ufeff# a play\r\n\n" +
		"5s break berlin blackhole   # all is lost\r\n" +
		"20s heal berlin\n20s heal berlin loss mtu\n" +
		"30s network off\n40s network on\n" +
		"45s expect active paris within 15s\n" +
		"1m expect overall sign-in needed within 500ms\n" +
		"1m say  Well   then. #not this\n2m30s end"
	got, err := ParseScript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := Script{
		{Line: 3, At: 5 * time.Second, Verb: VerbBreak, Server: "berlin", Faults: []Fault{BlackHole}},
		{Line: 4, At: 20 * time.Second, Verb: VerbHeal, Server: "berlin"},
		{Line: 5, At: 20 * time.Second, Verb: VerbHeal, Server: "berlin", Faults: []Fault{Loss, MTU}},
		{Line: 6, At: 30 * time.Second, Verb: VerbNetwork},
		{Line: 7, At: 40 * time.Second, Verb: VerbNetwork, Up: true},
		{Line: 8, At: 45 * time.Second, Verb: VerbExpect, Subject: SubjectActive, Want: "paris", Within: 15 * time.Second},
		{Line: 9, At: time.Minute, Verb: VerbExpect, Subject: SubjectOverall, Want: "sign-in needed", Within: 500 * time.Millisecond},
		{Line: 10, At: time.Minute, Verb: VerbSay, Text: "Well then."},
		{Line: 11, At: 150 * time.Second, Verb: VerbEnd},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, want := got.Length(), 150*time.Second; got != want {
		t.Errorf("got length %v, want %v", got, want)
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, says string }{
		{"break berlin blackhole", `"break" is not a time`},
		{"5 end", `"5" is not a time`},
		{"-5s end", "is not a time"},
		{"25h end", "is not a time"},
		{"NaN end", "is not a time"},
		{"5s", "what happens"},
		{"5s explode", `unknown verb "explode"`},
		{"5s break", "which server"},
		{"5s break berlin", "break what"},
		{"5s break berlin flood", `unknown fault "flood"`},
		{"5s break ber/lin loss", `name "ber/lin"`},
		{"5s heal", "which server"},
		{"5s heal berlin loss loss", "twice"},
		{"5s network", "network on or network off"},
		{"5s network maybe", "network on or network off"},
		{"5s network on off", "network on or network off"},
		{"5s expect", "use expect"},
		{"5s expect active paris", "use expect"},
		{"5s expect active within 5s", "use expect"},
		{"5s expect active a b within 5s", `name "a b"`},
		{"5s expect active paris within soon", `"soon" is not a time`},
		{"5s expect overall superb within 5s", `unknown overall state "superb"`},
		{"5s expect rain rain within 5s", "active or overall"},
		{"5s say", "say what"},
		{"5s say \x1b[2J", "printable"},
		{"5s end now", "end stands alone"},
		{"3s end", "times never go back"},
	} {
		_, err := ParseScript([]byte("4s network off\n\n" + c.line + "\n9s end\n7s end"))
		problems, is := errors.AsType[ScriptProblems](err)
		if !is || len(problems) != 2 || problems[0].Line != 3 || problems[1].Line != 5 {
			t.Errorf("%q: got %v, want problems in lines 3 and 5", c.line, err)
			continue
		}
		if !strings.Contains(problems[0].Message, c.says) {
			t.Errorf("%q: got %q, want it to say %q", c.line, problems[0].Message, c.says)
		}
	}
	if _, err := ParseScript([]byte("5s say \xff")); err == nil {
		t.Error("text that is not UTF-8 was read")
	}
	if _, err := ParseScript(make([]byte, scriptMost+1)); err == nil {
		t.Error("a script without bounds was read")
	}
	if s, err := ParseScript(nil); err != nil || len(s) != 0 {
		t.Errorf("an empty script: got %v, %v", s, err)
	}
}

func TestServersOfAScriptAreChecked(t *testing.T) {
	t.Parallel()
	s, err := ParseScript([]byte("1s break a loss\n2s expect active b within 1s\n3s expect overall idle within 1s\n4s heal a"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Servers(); !slices.Equal(got, []tunnel.Name{"a", "b"}) {
		t.Errorf("got servers %v, want a and b", got)
	}
	if err := s.Check([]tunnel.Name{"a", "b", "c"}); err != nil {
		t.Error(err)
	}
	problems, is := errors.AsType[ScriptProblems](s.Check([]tunnel.Name{"b"}))
	if !is || len(problems) != 2 || problems[0].Line != 1 || problems[1].Line != 4 {
		t.Errorf("got %v, want problems in lines 1 and 4", problems)
	}
}

func TestTheAutoScriptShowsTheWhole(t *testing.T) {
	t.Parallel()
	s := AutoScript()
	if got := s.Length(); got > 100*time.Second {
		t.Errorf("it takes %v, want at most 100 s", got)
	}
	if s[len(s)-1].Verb != VerbEnd {
		t.Error("it has no end")
	}
	healed, network := map[tunnel.Name]bool{}, true
	for _, step := range s {
		switch step.Verb {
		case VerbBreak:
			healed[step.Server] = false
		case VerbHeal:
			healed[step.Server] = true
		case VerbNetwork:
			network = step.Up
		case VerbExpect, VerbSay, VerbEnd:
		}
	}
	for name, is := range healed {
		if !is {
			t.Errorf("%s is left broken", name)
		}
	}
	if !network {
		t.Error("the network is left off")
	}
}

func drawScript(t *rapid.T) Script {
	name := rapid.StringMatching(`[A-Za-z0-9_=+-]{1,15}`).Filter(func(s string) bool { _, err := tunnel.ParseName(s); return err == nil })
	moment := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 3_600_000).Draw(t, "ms")) * time.Millisecond
	})
	fault := rapid.Map(rapid.SampledFrom(faults), func(f FaultInfo) Fault { return f.Key })
	word := rapid.StringMatching(`[\p{L}.,!?-][\p{L}.,!?#-]{0,8}`)
	script := Script{}
	var at time.Duration
	for line := range rapid.IntRange(0, 12).Draw(t, "steps") {
		at += moment.Draw(t, "pause")
		step := Step{Line: line + 1, At: at}
		step.Verb = rapid.SampledFrom([]Verb{VerbBreak, VerbHeal, VerbNetwork, VerbExpect, VerbSay, VerbEnd}).Draw(t, "verb")
		switch step.Verb {
		case VerbBreak, VerbHeal:
			step.Server = tunnel.Name(name.Draw(t, "server"))
			least := 0
			if step.Verb == VerbBreak {
				least = 1
			}
			step.Faults = rapid.SliceOfNDistinct(fault, least, 4, rapid.ID[Fault]).Draw(t, "faults")
			if len(step.Faults) == 0 {
				step.Faults = nil
			}
		case VerbNetwork:
			step.Up = rapid.Bool().Draw(t, "up")
		case VerbExpect:
			step.Within = moment.Draw(t, "within")
			if step.Subject = SubjectActive; rapid.Bool().Draw(t, "overall") {
				step.Subject = SubjectOverall
				step.Want = string(rapid.SampledFrom(overallStates).Draw(t, "state"))
			} else {
				step.Want = name.Draw(t, "active")
			}
		case VerbSay:
			step.Text = strings.Join(rapid.SliceOfN(word, 1, 5).Draw(t, "words"), " ")
		case VerbEnd:
		}
		script = append(script, step)
	}
	return script
}

func TestEveryScriptReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawScript(t)
		got, err := ParseScript([]byte(want.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, want)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\n%s", d, want)
		}
	})
}

func FuzzParseScript(f *testing.F) {
	f.Add(auto)
	f.Add([]byte("5s break berlin blackhole\n3s end\n\xff"))
	f.Add([]byte("1h expect overall sign-in needed within 9s # x\n1h say \x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		script, err := ParseScript(text)
		if err != nil {
			problems, is := errors.AsType[ScriptProblems](err)
			if !is || len(problems) == 0 {
				t.Fatalf("got %v, want problems", err)
			}
			lines := strings.Count(string(text), "\n") + 1
			for _, p := range problems {
				if p.Line < 1 || p.Line > lines || p.Message == "" {
					t.Fatalf("problem %+v of %d lines", p, lines)
				}
			}
			return
		}
		again, err := ParseScript([]byte(script.String()))
		if err != nil || again.String() != script.String() {
			t.Fatalf("%q reads back as %q: %v", script, again, err)
		}
	})
}
