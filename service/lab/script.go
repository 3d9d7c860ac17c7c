package lab

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Verb is what a step of a script does.
type Verb string

// The verbs of a script.
const (
	VerbBreak   Verb = "break"   // TIME break SERVER FAULT…
	VerbHeal    Verb = "heal"    // TIME heal SERVER [FAULT…]
	VerbNetwork Verb = "network" // TIME network on|off
	VerbExpect  Verb = "expect"  // TIME expect active SERVER|overall WORDS within TIME
	VerbSay     Verb = "say"     // TIME say WORDS
	VerbEnd     Verb = "end"     // TIME end
)

// Subject is what an expectation is about.
type Subject string

// The subjects of an expectation.
const (
	SubjectActive  Subject = "active"  // the name of the active member
	SubjectOverall Subject = "overall" // the overall state
)

// Step is one line of a script.
type Step struct {
	Line int           // in the file, from 1
	At   time.Duration // since the script began
	Verb Verb
	// Server is whom break and heal are about.
	Server tunnel.Name
	// Faults are what to break, or to heal; none means all.
	Faults []Fault
	// Up is what the network becomes.
	Up bool
	// Subject is to become Want before Within has passed since At.
	Subject Subject
	Want    string
	Within  time.Duration
	// Text is what to say.
	Text string
}

// Script is a play of faults and expectations, in the order of their times.
type Script []Step

const (
	scriptMost = 1 << 16 // bytes of a script
	momentMost = 24 * time.Hour
)

//go:embed auto.txt
var auto []byte

// AutoScript is the script of `holdfast demo --auto`: a black hole, its heal, a
// lost network and a revoked key, in less than 100 s.
func AutoScript() Script {
	s, err := ParseScript(auto)
	if err != nil {
		panic("the embedded script is right: " + err.Error())
	}
	return s
}

// ScriptProblem is what is wrong with one line of a script.
type ScriptProblem struct {
	Line    int // from 1
	Message string
}

// ScriptProblems are all that is wrong with a script, by line.
type ScriptProblems []ScriptProblem

// Error gives each problem a line of its own.
func (p ScriptProblems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = fmt.Sprintf("line %d: %s", one.Line, one.Message)
	}
	return strings.Join(lines, "\n")
}

// ParseScript reads a script: a step a line, each beginning with its time since
// the start, none earlier than the one before. A # at the beginning of a word
// starts a comment. Whatever the bytes are, it returns a script or
// ScriptProblems, which name every line that is wrong.
func ParseScript(text []byte) (Script, error) {
	if len(text) > scriptMost {
		return nil, ScriptProblems{{1, fmt.Sprintf("a script has at most %d bytes, not %d", scriptMost, len(text))}}
	}
	if !utf8.Valid(text) {
		return nil, ScriptProblems{{1, "a script is text in UTF-8"}}
	}
	script := Script{} // not nil: an empty script is a script too
	var problems ScriptProblems
	number, last := 0, time.Duration(0)
	for line := range strings.SplitSeq(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		number++
		words := wordsOf(line)
		if len(words) == 0 {
			continue
		}
		step, err := parseStep(words)
		if err == nil && step.At < last {
			err = fmt.Errorf("%s comes after %s: times never go back", step.At, last)
		}
		if err != nil {
			problems = append(problems, ScriptProblem{number, err.Error()})
			continue
		}
		step.Line, last = number, step.At
		script = append(script, step)
	}
	if problems != nil {
		return nil, problems
	}
	return script, nil
}

// wordsOf splits a line and leaves its comment away.
func wordsOf(line string) []string {
	words := strings.Fields(line)
	if i := slices.IndexFunc(words, func(w string) bool { return w[0] == '#' }); i >= 0 {
		words = words[:i]
	}
	return words
}

func parseStep(words []string) (Step, error) {
	at, err := parseMoment(words[0])
	if err != nil {
		return Step{}, err
	}
	if len(words) == 1 {
		return Step{}, fmt.Errorf("what happens at %s? use break, heal, network, expect, say or end", words[0])
	}
	step := Step{At: at, Verb: Verb(words[1])}
	rest := words[2:]
	switch step.Verb {
	case VerbBreak, VerbHeal:
		err = step.parseFaults(rest)
	case VerbNetwork:
		err = step.parseNetwork(rest)
	case VerbExpect:
		err = step.parseExpect(rest)
	case VerbSay:
		err = step.parseSay(rest)
	case VerbEnd:
		if len(rest) > 0 {
			err = fmt.Errorf("end stands alone, without %q", rest[0])
		}
	default:
		err = fmt.Errorf("unknown verb %q: use break, heal, network, expect, say or end", words[1])
	}
	return step, err
}

// parseMoment reads a time such as 5s, 1m30s or 500ms, from 0 to a day.
func parseMoment(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil || d < 0 || d > momentMost {
		return 0, fmt.Errorf("%q is not a time: use one such as 5s, 1m30s or 500ms, up to %s", word, momentMost)
	}
	return d, nil
}

func (s *Step) parseFaults(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("%s which server?", s.Verb)
	}
	name, err := tunnel.ParseName(words[0])
	if err != nil {
		return err
	}
	s.Server = name
	if len(words) == 1 && s.Verb == VerbBreak {
		return fmt.Errorf("break what at %s? use one of %s", name, faultKeys())
	}
	for _, word := range words[1:] {
		f, err := ParseFault(word)
		if err != nil {
			return fmt.Errorf("unknown fault %q: use one of %s", word, faultKeys())
		}
		if slices.Contains(s.Faults, f) {
			return fmt.Errorf("fault %s stands here twice", f)
		}
		s.Faults = append(s.Faults, f)
	}
	return nil
}

func faultKeys() string {
	var keys []string
	for _, f := range faults {
		keys = append(keys, string(f.Key))
	}
	return strings.Join(keys, " ")
}

func (s *Step) parseNetwork(words []string) error {
	if len(words) != 1 || words[0] != "on" && words[0] != "off" {
		return fmt.Errorf("use network on or network off")
	}
	s.Up = words[0] == "on"
	return nil
}

func (s *Step) parseExpect(words []string) error {
	if len(words) < 4 || words[len(words)-2] != "within" {
		return fmt.Errorf("use expect active SERVER within TIME, or expect overall STATE within TIME")
	}
	within, err := parseMoment(words[len(words)-1])
	if err != nil {
		return err
	}
	s.Subject, s.Want, s.Within = Subject(words[0]), strings.Join(words[1:len(words)-2], " "), within
	switch s.Subject {
	case SubjectActive:
		_, err = tunnel.ParseName(s.Want)
	case SubjectOverall:
		if !slices.Contains(overallStates, status.Overall(s.Want)) {
			err = fmt.Errorf("unknown overall state %q: use one of %s", s.Want, joinStates())
		}
	default:
		err = fmt.Errorf("expect active or overall, not %q", words[0])
	}
	return err
}

// overallStates are those that a running service can report.
var overallStates = []status.Overall{
	status.Off, status.Connecting, status.Protected, status.Idle, status.Checking, status.Switching,
	status.Stalled, status.Blocked, status.Offline, status.SignInNeeded,
}

func joinStates() string {
	var words []string
	for _, o := range overallStates {
		words = append(words, string(o))
	}
	return strings.Join(words, ", ")
}

func (s *Step) parseSay(words []string) error {
	s.Text = strings.Join(words, " ")
	if s.Text == "" {
		return fmt.Errorf("say what?")
	}
	// What is said goes to a terminal: it must not be able to steer it.
	if strings.ContainsFunc(s.Text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("only printable characters can be said")
	}
	return nil
}

// String is the line that parses to the step.
func (s Step) String() string {
	words := []string{s.At.String(), string(s.Verb)}
	switch s.Verb {
	case VerbBreak, VerbHeal:
		words = append(words, string(s.Server))
		for _, f := range s.Faults {
			words = append(words, string(f))
		}
	case VerbNetwork:
		words = append(words, map[bool]string{true: "on", false: "off"}[s.Up])
	case VerbExpect:
		words = append(words, string(s.Subject), s.Want, "within", s.Within.String())
	case VerbSay:
		words = append(words, s.Text)
	case VerbEnd:
	}
	return strings.Join(words, " ")
}

// String is the text of the script, without its comments.
func (s Script) String() string {
	var b strings.Builder
	for _, step := range s {
		b.WriteString(step.String() + "\n")
	}
	return b.String()
}

// Length is when the script is over at the latest: its last step, or the end of
// what it waits for.
func (s Script) Length() time.Duration {
	var length time.Duration
	for _, step := range s {
		length = max(length, step.At+step.Within)
		if step.Verb == VerbEnd {
			return step.At
		}
	}
	return length
}

// Servers lists the servers that the script names, in the order in which it first
// does.
func (s Script) Servers() []tunnel.Name {
	var names []tunnel.Name
	add := func(n tunnel.Name) {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, step := range s {
		add(step.Server)
		if step.Subject == SubjectActive {
			add(tunnel.Name(step.Want))
		}
	}
	return names
}

// Check says which lines name a server that is not among these; nil where none
// does, else ScriptProblems.
func (s Script) Check(servers []tunnel.Name) error {
	var problems ScriptProblems
	for _, step := range s {
		for _, name := range (Script{step}).Servers() {
			if !slices.Contains(servers, name) {
				problems = append(problems, ScriptProblem{step.Line, fmt.Sprintf("no server is called %q: there are %s", name, joinNames(servers))})
			}
		}
	}
	if problems != nil {
		return problems
	}
	return nil
}

func joinNames(names []tunnel.Name) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}
