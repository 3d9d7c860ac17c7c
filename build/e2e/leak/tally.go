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
	whole   map[Key]int // packets, or their first fragments
	later   map[Key]int // fragments that are not the first
	samples map[uint16]string
	rules   *Allowed // nil: everything may leave
	strays  []string
	astray  int
	listed  int // packets without a mark that were allowed
}

// NewTally makes an empty one, which knows the marks of run.
func NewTally(run Run) *Tally {
	return &Tally{run: run, whole: map[Key]int{}, later: map[Key]int{}, samples: map[uint16]string{}}
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
	switch k := (Key{m.Cell, m.Way, m.Kind, m.V6}); {
	case marked && p.Later:
		t.later[k]++
	case marked:
		t.whole[k]++
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

// Seen returns the packets with a mark that were seen whole, and how many
// fragments there were beside them.
func (t *Tally) Seen() (whole, later map[Key]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.whole), maps.Clone(t.later)
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
