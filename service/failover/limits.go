package failover

import (
	"time"

	"holdfast/service/health"
)

// suspectInterval is the time between two looks at a suspected tunnel. It is
// short because a second look costs a counter read and an answer may be on its
// way; it is no setting because nothing good follows from another value.
const suspectInterval = time.Second

// defaultMTU is the interface's MTU where neither config nor person gives one:
// 1500 bytes of Ethernet less the 80 that WireGuard takes over IPv6.
const defaultMTU = 1420

// heartbeat is how often an idle tunnel is asked for a round trip where the
// policy keeps standbys, and so is willing to pay for being ready. Its echo may
// also renew the session; every two minutes it cost, with the probes of a
// standby, 12 bytes a second, where ten were to be spent.
const heartbeat = 4 * time.Minute

// defaultPages answer 204 and nothing more, for just this use. They are three
// companies', so that none of them decides what the internet is.
const defaultPages = "http://connectivitycheck.gstatic.com/generate_204 " +
	"http://cp.cloudflare.com/generate_204 " +
	"http://edge-http.microsoft.com/captiveportal/generate_204"

// DefaultPolicy returns the policy of a person who has set nothing
// (DESIGN.md §5).
func DefaultPolicy() Policy {
	return Policy{
		Profile:             Balanced,
		HealthCheckInterval: 10 * time.Second,
		TrafficTimeout:      30 * time.Second,
		HandshakeTimeout:    30 * time.Second,

		OnUnhealthy:     ToFailover,
		RestartAttempts: 5,
		WhenExhausted:   KeepTrying,
		MinimumHold:     time.Minute,
		MaxCycles:       3,
		Cooldown:        5 * time.Minute,

		AutoFailback:          true,
		FailbackProbeInterval: 5 * time.Minute,
		FailbackStability:     2 * time.Minute,
		FailbackWhen:          WhenQuiet,
		Standby:               Cold,

		Guard:             GuardAuto,
		MTU:               defaultMTU,
		KeepaliveOverride: -1,

		ThirdPartyChecks: true,
		CheckPages:       defaultPages,
	}
}

// Limits are the waits of the health rules that follow from the policy.
func (p Policy) Limits() health.Limits {
	l := health.Limits{
		CheckInterval:    p.HealthCheckInterval,
		SuspectInterval:  min(suspectInterval, p.HealthCheckInterval),
		TrafficTimeout:   p.TrafficTimeout,
		HandshakeTimeout: p.HandshakeTimeout,
		SuspectAfter:     p.suspectAfter(),
	}
	if p.Standby != Cold && p.confirms() {
		l.Heartbeat = heartbeat
	}
	return l
}

// confirms says that the profile confirms a suspicion actively.
func (p Policy) confirms() bool { return p.suspectAfter() > 0 }

// suspectAfter is the person's own number, else the profile's. Classic has
// none, whatever the person set: it is the traffic rule and nothing more.
func (p Policy) suspectAfter() time.Duration {
	switch {
	case p.Profile == Classic:
		return 0
	case p.SuspectAfter > 0:
		return p.SuspectAfter
	case p.Profile == Patient:
		return 5 * time.Second
	case p.Profile == Fast:
		return time.Second
	default:
		return 2 * time.Second
	}
}
