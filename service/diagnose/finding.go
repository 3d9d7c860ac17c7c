package diagnose

import "holdfast/service/tunnel"

// Finding is what the evidence comes to.
type Finding struct {
	// Cause is the first that the evidence supports. "": nothing is wrong that
	// was looked at, or nothing can be said.
	Cause tunnel.Cause
	// Certain says that nothing else explains the evidence.
	Certain bool
	// Underlay says that the network below the tunnel is at fault: nothing that
	// is done to the tunnel helps.
	Underlay bool
	// Evidence is what it rests on, in a sentence of plain facts.
	Evidence string
	// Others are what is true as well, and hidden by Cause.
	Others []tunnel.Cause
}
