package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"holdfast/build/e2e/leak"
)

var leakReport = flag.String("leak.report", "", "the file that gets the tables of the leak tests, when they have passed")

// findings is what the leak tests of this run have found, for the report.
var findings struct {
	mu       sync.Mutex
	survey   *survey
	sections []section
}

// section is a part of the report that a test writes itself.
type section struct {
	order int
	text  string
}

// found keeps a part of the report.
func found(order int, format string, args ...any) {
	findings.mu.Lock()
	defer findings.mu.Unlock()
	findings.sections = append(findings.sections, section{order, fmt.Sprintf(format, args...)})
}

// writeLeaks writes the report.
func writeLeaks(path string) error {
	findings.mu.Lock()
	defer findings.mu.Unlock()
	var b strings.Builder
	b.WriteString(leaksHead(findings.survey))
	slices.SortStableFunc(findings.sections, func(a, b section) int { return a.order - b.order })
	for _, s := range findings.sections {
		b.WriteString(strings.TrimRight(s.text, "\n") + "\n")
	}
	if findings.survey != nil {
		findings.survey.tables(&b)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func leaksHead(v *survey) string {
	var name unix.Utsname
	_ = unix.Uname(&name)
	nft, _ := exec.Command("nft", "--version").Output()
	head := fmt.Sprintf(`# What leaves beside the tunnel

Measured by the leak laboratory in build/e2e with the real programs, between real servers, in network namespaces.
Every packet of the flood says by a mark which case it is; captures on the router's side of the client's uplinks and at
the destinations know it again. What carries no mark is held against a list of what may leave: WireGuard's messages to
the endpoints of the tunnel, DHCP, the finding of neighbours (never naming the tunnel's addresses), and the service's
own questions to exactly the addresses that the test names. Anything else counts as a leak.

Remade by `+"`task leaks`"+` (root, Linux). Linux %s, %s, %d cores.

`, unix.ByteSliceToString(name.Release[:]), strings.TrimSpace(string(nft)), runtime.NumCPU())
	if v == nil {
		return head
	}
	sent, leaked, known, cells := v.total()
	return head + fmt.Sprintf(`%d cases in %d states in which the guard is shut: %s packets in %d cells, **%d left beside the tunnel**, but for %s
by the one known exception (†, below). Without guard and tunnel, before and after, %.2f %% of %s packets were seen; least
of any way %.1f %%.

`, len(v.cases())+len(v.ways), len(v.shut()), thousands(sent), cells, leaked, thousands(known), v.controlled.seen(), thousands(v.controlled.taken), v.least)
}

// thousands writes a number so that it can be read.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// shut are the states in which nothing may leave, that were tried.
func (v *survey) shut() []string {
	var out []string
	for _, st := range states() {
		if v.cells[steady][st.name] != nil && !st.passes {
			out = append(out, st.name)
		}
	}
	return out
}

// cases are what was done to the system, in their order.
func (v *survey) cases() []string {
	out := []string{steady}
	for _, h := range harms() {
		if v.cells[h.name] != nil {
			out = append(out, h.name)
		}
	}
	return out
}

// total sums up the cells of states in which the guard is shut.
func (v *survey) total() (sent, leaked, known, cells int) {
	for _, row := range v.cells {
		for _, name := range v.shut() {
			if c := row[name]; c != nil {
				sent += c.tried
				leaked += c.leaked() + c.strays
				known += c.known
				cells++
			}
		}
	}
	return sent, leaked, known, cells
}

// tables writes the tables of cases and states.
func (v *survey) tables(b *strings.Builder) {
	states := v.shut()
	b.WriteString("\n## What is done, by the state of the service\n\n")
	b.WriteString("Each cell: packets that left beside the tunnel, of those sent by all ways and of all kinds. \"Without the guard\" is the\nsame while connected with guard=off, for routed packets to a public host (or, marked *, for answers and reports of the\nkernel, which are counted alone): it shows that the case is one. †: packets that a known exception let out, which is that\nanother program with the right to do so takes the rules away while no service is there that owns them; the routes then\nstill keep in what they lead.\n\n")
	head(b, append([]string{"case", "without the guard"}, states...))
	for _, name := range v.cases() {
		row := []string{name, v.without(name)}
		for _, st := range states {
			row = append(row, v.cells[name][st].String())
		}
		line(b, row)
	}
	b.WriteString("\n## By which way, while nothing is done\n\n\"Seen without\": of what was sent without guard and tunnel, how much was seen on the uplink.\n\n")
	head(b, append([]string{"way", "seen without, %"}, states...))
	for i := range v.ways {
		row := []string{v.ways[i].Name, fmt.Sprintf("%.1f", v.seenOf[i])}
		for _, st := range states {
			row = append(row, (&cell{figures: v.figures(by(i), v.numbers[st])}).String())
		}
		line(b, row)
	}
	b.WriteString("\n## By kind, over all cases and states\n\n")
	head(b, []string{"kind", "sent", "left, by the exception † and else"})
	for _, k := range leak.Kinds() {
		for _, v6 := range []bool{false, true} {
			f := v.figures(func(key leak.Key) bool { return key.Kind == k && key.V6 == v6 }, v.shutCells...)
			line(b, []string{fmt.Sprintf("%v, IPv%d", k, map[bool]int{false: 4, true: 6}[v6]), thousands(f.tried), strconv.Itoa(f.leaked())})
		}
	}
}

// without says what a case lets out where there is no guard.
func (v *survey) without(name string) string {
	c := v.cells[name]["connected, without the guard"]
	if c == nil {
		return "–"
	}
	if c.strays > 0 {
		return fmt.Sprintf("%d*", c.strays)
	}
	return fmt.Sprintf("%d/%d", c.routed.leaked(), c.routed.tried)
}

// String is the cell in the table.
func (c *cell) String() string {
	if c == nil {
		return "–"
	}
	s := fmt.Sprintf("%d/%d", c.leaked()+c.strays, c.tried)
	if c.known > 0 {
		s += fmt.Sprintf(" †%d", c.known)
	}
	return s
}

func head(b *strings.Builder, columns []string) {
	line(b, columns)
	b.WriteString("|" + strings.Repeat("---|", len(columns)) + "\n")
}

func line(b *strings.Builder, columns []string) {
	b.WriteString("| " + strings.Join(columns, " | ") + " |\n")
}
