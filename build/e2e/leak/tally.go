package leak

import (
	"maps"
	"sync"
)

// mostStrays is how many packets that may not leave are kept in words.
const mostStrays = 40

// Tally counts what captures have seen at one place.
type Tally struct {
	run Run

	mu      sync.Mutex
	whole   counts // packets, or their first fragments
	later   counts // fragments that are not the first
	samples map[uint16]string
	rules   *Allowed // nil: everything may leave
	strays  []string
	astray  int
	listed  int // packets without a mark that were allowed
}

// counts are numbers of packets, by cell.
type counts map[uint16]map[Key]int

func (c counts) add(cell uint16, k Key) {
	if c[cell] == nil {
		c[cell] = map[Key]int{}
	}
	c[cell][k]++
}

// NewTally makes an empty one, which knows the marks of run.
func NewTally(run Run) *Tally {
	return &Tally{run: run, whole: counts{}, later: counts{}, samples: map[uint16]string{}}
}

// Hold sets what may leave from now on beside packets with marks, which the
// caller judges. nil: everything may.
func (t *Tally) Hold(to *Allowed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = to
}

// See counts one packet.
func (t *Tally) See(where string, p *Packet) {
	m, marked := t.run.Find(p.Payload)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch k := (Key{m.Way, m.Kind, m.V6}); {
	case marked && p.Later:
		t.later.add(m.Cell, k)
	case marked:
		t.whole.add(m.Cell, k)
		if _, ok := t.samples[m.Cell]; !ok {
			t.samples[m.Cell] = where + ": " + p.String()
		}
	case t.rules == nil:
	case t.rules.Lets(p):
		t.listed++
	default:
		t.astray++
		if len(t.strays) < mostStrays {
			t.strays = append(t.strays, where+": "+p.String())
		}
	}
}

// Seen returns how many packets of a cell were seen, and how many later
// fragments there were beside them.
func (t *Tally) Seen(cell uint16) (whole, later map[Key]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.whole[cell]), maps.Clone(t.later[cell])
}

// Sample is the first packet that was seen of a cell. "": there was none.
func (t *Tally) Sample(cell uint16) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.samples[cell]
}

// Strays returns, and forgets, what was seen that may not leave: how many
// packets, and some of them in words.
func (t *Tally) Strays() (int, []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, list := t.astray, t.strays
	t.astray, t.strays = 0, nil
	return n, list
}
