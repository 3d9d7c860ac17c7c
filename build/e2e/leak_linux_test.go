package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/build/e2e/leak"
)

// cell is one of the table: a case in a state.
type cell struct {
	figures
	routed figures // of those to a public host, by the system's routes
	strays int     // packets without a mark that may not leave
	known  int     // of those that leaked: what a known exception lets out
}

// steady is the case in which nothing is done to the system.
const steady = "nothing is done"

// survey fills the table of cases and states.
type survey struct {
	*laboratory
	cells     map[string]map[string]*cell // by case, by state
	numbers   map[string]uint16           // by state: the cell in which nothing is done
	shutCells []uint16                    // those of states in which nothing may leave
	// What was seen without guard and tunnel: of everything, by way, and the least
	// of any, in percent.
	controlled figures
	seenOf     []float64
	least      float64
}

// To look closer at a part of the table.
var (
	onlyStates = flag.String("leak.states", "", "try only the states whose names contain this")
	onlyHarms  = flag.String("leak.harms", "", "do only what contains this in its name, in every state")
)

// TestLeaks floods by every way, in every state of the service, while everything
// is done to the system that a hostile network or another program may do.
// Nothing may leave beside the tunnel.
func TestLeaks(t *testing.T) {
	v := &survey{laboratory: newLaboratory(t), cells: map[string]map[string]*cell{}, numbers: map[string]uint16{}}
	v.pour(floodRate)
	first := v.control(2 * time.Second)
	v.begin("guard=auto")
	for i, st := range states() {
		if strings.Contains(st.name, *onlyStates) {
			v.state(i, &st)
		}
	}
	v.s.cli("settings", "set", "guard=off")
	v.s.cli("down")
	last := v.control(2 * time.Second)
	v.complete()
	v.sum(first, last)
	sent, leaked, _, cells := v.total()
	t.Logf("%d cases, %d cells, %d packets sent while nothing may leave, %d left beside the tunnel", len(v.cells), cells, sent, leaked)
}

// sum sums up what the controls saw, and hands all of it to the report.
func (v *survey) sum(controls ...uint16) {
	v.controlled, v.least = v.figures(nil, controls...), 100
	for i := range v.ways {
		f := v.figures(by(i), controls...)
		v.seenOf = append(v.seenOf, f.seen())
		v.least = min(v.least, f.seen())
	}
	findings.mu.Lock()
	defer findings.mu.Unlock()
	findings.survey = v
}

// state tries one state: with nothing done, and then with what is chosen of the
// rest.
func (v *survey) state(i int, st *state) {
	v.t.Helper()
	began := time.Now()
	v.near.Hold(nil)
	st.enter(v.laboratory)
	v.fill(st, nil)
	for k, h := range harms() {
		if strings.Contains(h.name, *onlyHarms) && (*onlyHarms != "" || chosen(i, k, st)) {
			v.fill(st, &h)
		}
	}
	v.near.Hold(nil)
	st.leave(v.laboratory)
	v.t.Logf("%-32s took %v", st.name, time.Since(began).Round(100*time.Millisecond))
}

// chosen says whether something is done in a state, in the short form of the
// test: each is done while connected, and in one of the other states.
func chosen(state, harm int, st *state) bool {
	return soak() || st.name == "connected" || harm%len(states()) == state
}

// fill fills one cell of the table.
func (v *survey) fill(st *state, h *harm) {
	v.t.Helper()
	hold := v.allowed(st)
	if hold == nil && h != nil && h.tells {
		hold = v.allowed(&state{})
	}
	v.near.Strays()
	v.near.Hold(hold)
	n := v.enter()
	name := steady
	if h != nil {
		name = h.name
		h.do(v.laboratory)
	}
	for end := time.Now().Add(cellTime(h)); time.Now().Before(end); {
		if st.during == nil {
			v.rest(time.Until(end))
		} else {
			st.during(v.laboratory)
		}
	}
	if h != nil {
		h.undo(v.laboratory)
		if st.mend != nil && (h.gone || st.dead || soak()) {
			st.mend(v.laboratory)
		}
	}
	v.leave()
	c := &cell{figures: v.figures(nil, n), routed: v.figures(by(0), n)}
	if !st.passes {
		v.shutCells = append(v.shutCells, n)
	}
	if h == nil {
		v.numbers[st.name] = n
	}
	var some []string
	c.strays, some = v.near.Strays()
	if v.cells[name] == nil {
		v.cells[name] = map[string]*cell{}
	}
	v.cells[name][st.name] = c
	v.judge(st, h, name, n, c, some)
}

// led selects what the system's routes lead, by its destination alone.
func (l *laboratory) led(k leak.Key) bool {
	return slices.Contains([]string{"to a public host", "in fragments", "to a host of a split tunnel", "forwarded to a public host", "forwarded in fragments"},
		l.ways[k.Way-1].Name)
}

// cellTime is how long the flood runs for one cell.
func cellTime(h *harm) time.Duration {
	switch {
	case h == nil && soak():
		return 10 * time.Second
	case h == nil:
		return time.Second
	case soak():
		return 2 * time.Second
	}
	return 300 * time.Millisecond
}

// judge says what is wrong with a cell.
func (v *survey) judge(st *state, h *harm, name string, n uint16, c *cell, strays []string) {
	v.t.Helper()
	at := fmt.Sprintf("%s, %s", st.name, name)
	if st.passes {
		v.judgeOpen(at, st, h, c)
		return
	}
	if st.dead && h != nil && h.unlocks {
		// What is left is the second layer: it keeps in what the system's routes lead,
		// and nothing that is bound to a device or meant for the link.
		c.known = c.leaked() + c.strays
		routed := v.figures(v.led, n)
		c.known -= routed.leaked()
		c.near, c.fragments, c.far, c.strays = routed.near, routed.fragments, routed.far, 0
	}
	if c.leaked() > 0 {
		v.t.Errorf("%s: of %d packets %d left beside the tunnel; %s; the first: %s", at, c.tried, c.leaked(), v.breakdown(n), v.near.Sample(n))
	}
	if c.strays > 0 {
		v.t.Errorf("%s: %d packets without a mark left that may not:\n\t%s", at, c.strays, strings.Join(strays[:min(6, len(strays))], "\n\t"))
	}
	if c.tried == 0 {
		v.t.Errorf("%s: nothing was sent", at)
	}
}

// judgeOpen says where the laboratory did not see what must be seen.
func (v *survey) judgeOpen(at string, st *state, h *harm, c *cell) {
	v.t.Helper()
	switch {
	case h == nil && st.name == "paused":
		if c.seen() < 99 {
			v.t.Errorf("%s: %.1f %% was seen, want 99 %% at least", at, c.seen())
		}
	case h == nil:
	case h.tells && c.strays == 0:
		v.t.Errorf("%s: nothing left; the case shows nothing", at)
	case h.leaks:
		if c.routed.leaked() == 0 {
			v.t.Errorf("%s: of %d routed packets none left; the case shows nothing", at, c.routed.tried)
		}
	}
}

// breakdown says by which ways, and as which kinds, packets of a cell left.
func (l *laboratory) breakdown(n uint16) string {
	counts := map[string]int{}
	near, later := l.near.Seen(n)
	for _, m := range []map[leak.Key]int{near, later} {
		for k, c := range m {
			family := "v4"
			if k.V6 {
				family = "v6"
			}
			counts[fmt.Sprintf("%v %s %s", k.Kind, family, l.ways[k.Way-1].Name)] += c
		}
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	var b strings.Builder
	for i, name := range names {
		if i == 8 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		fmt.Fprintf(&b, " %d× %s;", counts[name], name)
	}
	return strings.TrimSpace(b.String())
}
