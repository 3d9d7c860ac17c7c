package wg

import "time"

const (
	// againFirst and againMost are how long is waited before an interface is
	// created again whose creation failed for a reason that passes: twice as long
	// each time.
	againFirst = 250 * time.Millisecond
	againMost  = 2 * time.Second
	// againTries is how often it is created again, within 8 s in all, and
	// bootTries soon after the computer was started, within 18 s: its device
	// installer is busy then.
	againTries = 6
	bootTries  = 11
	soonAfter  = 3 * time.Minute
)

// createAgain says whether to create an interface again after so many failures for
// reasons that pass, and what to wait before. up is how long the computer has been
// up.
func createAgain(failures int, up time.Duration) (wait time.Duration, again bool) {
	most := againTries
	if up < soonAfter {
		most = bootTries
	}
	return min(againFirst<<min(failures-1, 10), againMost), failures <= most
}
