package wg

import "time"

// began is the origin of the moments that the taps keep as one atomic number.
// It is monotonic, so a step of the wall clock moves none of them.
var began = time.Now()

// sinceBegan is the present as nanoseconds since began; never 0, which stands
// for "no such moment".
func sinceBegan() int64 { return int64(time.Since(began)) | 1 }

// moment turns such a number back into a time. 0 is the zero time.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return began.Add(time.Duration(n))
}
