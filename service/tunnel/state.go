package tunnel

// State is what a device is; not what the person wants (the wish) and not how
// well it works (the verdict).
//
//	Down → Starting → Up → Stopping → Down
//	          └─────── failed ────────┘
//
// The strings are stored and sent: they never change.
type State string

// The states of a device. The zero value is not a state; use Down.
const (
	Down     State = "down"
	Starting State = "starting"
	Up       State = "up"
	Stopping State = "stopping"
)
