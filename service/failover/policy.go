package failover

import "time"

// Profile sets the health numbers together.
type Profile string

// The profiles. Classic is the traffic rule of DESIGN.md §4.2 and nothing more;
// the others confirm actively and decide sooner.
const (
	Classic  Profile = "classic"
	Patient  Profile = "patient"
	Balanced Profile = "balanced"
	Fast     Profile = "fast"
)

// OnUnhealthy is what follows a verdict of unhealthy.
type OnUnhealthy string

// What may follow. ToFailover restarts where the target has no other member.
const (
	ToFailover   OnUnhealthy = "failover"
	ToRestart    OnUnhealthy = "restart"
	ToNotify     OnUnhealthy = "notify"
	ToDisconnect OnUnhealthy = "disconnect"
)

// WhenExhausted is what follows the last restart attempt.
type WhenExhausted string

// What may follow.
const (
	KeepTrying  WhenExhausted = "keep_trying"
	StayBlocked WhenExhausted = "stay_blocked"
	GiveUp      WhenExhausted = "disconnect"
)

// FailbackWhen is when a move back to a preferred member may happen.
type FailbackWhen string

// When it may.
const (
	WhenQuiet FailbackWhen = "quiet"
	AtOnce    FailbackWhen = "at_once"
	Never     FailbackWhen = "never"
)

// Standby is how the members that are not active are kept.
type Standby string

// How they are kept: Cold has no device, ProbeStandby is asked now and then,
// Warm keeps a session.
const (
	Cold         Standby = "cold"
	ProbeStandby Standby = "probe"
	Warm         Standby = "warm"
)

// Guard is when the kill switch is shut.
type Guard string

// When it is.
const (
	GuardOff    Guard = "off"
	GuardAuto   Guard = "auto"
	GuardAlways Guard = "always"
)

// Policy is the settings that rule health and failover (DESIGN.md §5). Make one
// with DefaultPolicy; its zero value is not usable.
type Policy struct {
	Profile             Profile
	HealthCheckInterval time.Duration
	TrafficTimeout      time.Duration
	SuspectAfter        time.Duration // 0: the profile's
	HandshakeTimeout    time.Duration

	OnUnhealthy     OnUnhealthy
	RestartAttempts int
	WhenExhausted   WhenExhausted
	MinimumHold     time.Duration
	MaxCycles       int
	Cooldown        time.Duration

	AutoFailback          bool
	FailbackProbeInterval time.Duration
	FailbackStability     time.Duration
	FailbackWhen          FailbackWhen
	Standby               Standby

	Guard    Guard
	AllowLAN bool
	// MTU of the interface where the config gives none, in bytes: 1280 to 9000.
	MTU int
	// KeepaliveOverride replaces the persistent keepalive of a group's members,
	// in seconds. Negative: the config's own stands.
	KeepaliveOverride int

	// ThirdPartyChecks lets pages on the internet be asked when a tunnel is in
	// trouble. CheckPages are their addresses, with a space between: 1 to 5.
	ThirdPartyChecks bool
	CheckPages       string
}
