package wg

import "sync/atomic"

// leaving counts what leaves, from the moment at which it is handed to the
// system and not from that of the system's return: an answer may be quicker than
// that, and would then be counted before what it answers. The zero value is ready.
type leaving struct {
	left  atomic.Uint64
	under atomic.Int64  // handed over, and not yet returned
	told  atomic.Uint64 // the most that load has told: it never goes back
}

// begin counts n that are about to leave; end must follow.
func (l *leaving) begin(n int) { l.under.Add(int64(n)) }

// end says what became of them. What the system refused has not left.
func (l *leaving) end(n int, err error) {
	if err == nil {
		l.left.Add(uint64(n))
	}
	l.under.Add(-int64(n))
}

// load is how many have left, those on their way to the system among them. One
// that was told and then refused is made up for by the next.
func (l *leaving) load() uint64 {
	under := l.under.Load() // first: what moves on meanwhile must not be missed
	n := l.left.Load() + uint64(under)
	for {
		told := l.told.Load()
		if n <= told {
			return told
		}
		if l.told.CompareAndSwap(told, n) {
			return n
		}
	}
}
