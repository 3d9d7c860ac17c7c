package sim

import (
	"os"
	"slices"
	"testing"
	"time"

	"holdfast/service/failover"
)

// soak says that the long versions are wanted.
func soak() bool { return os.Getenv("HOLDFAST_SOAK") != "" }

// profiles are those that are tried: the default one, and in a soak all.
func profiles() []failover.Profile {
	if soak() {
		return []failover.Profile{failover.Fast, failover.Balanced, failover.Patient}
	}
	return []failover.Profile{failover.Balanced}
}

// one plays a class with one profile.
func one(c Class, p failover.Profile, seed uint64) Row {
	return c.Play(seed, []func() Contender{func() Contender { return &Holdfast{Profile: p} }}, 2)[0]
}

func class(t *testing.T, list []Class, name string) Class {
	t.Helper()
	i := slices.IndexFunc(list, func(c Class) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no class %q", name)
	}
	return list[i]
}

// Whatever flows through a tunnel that works, nobody moves, for a day of each.
func TestHealthyWorldsMoveNothing(t *testing.T) {
	long := 24 * time.Hour
	if soak() {
		long *= 10
	}
	list := Healthy(long)
	for _, name := range []string{
		"idle, keepalive 0", "idle, keepalive 5 s", "idle, keepalive 9 s", "idle, keepalive 25 s",
		"one-way up", "one-way down", "DNS trickle", "wakes now and then",
		"20 % loss each way, pings", "20 % loss each way, one-way up", "20 % loss each way, DNS trickle",
		"600 ms round trip, pings", "600 ms round trip, one-way up", "saturated 2 Mbit/s, bufferbloat",
		"gaps of the link, 0.2 to 3 s", "gaps of the path, 0.2 to 2 s", "gaps of the path, 0.2 to 2 s, one-way up",
	} {
		for _, p := range profiles() {
			if p == failover.Fast && name == "gaps of the path, 0.2 to 2 s" {
				continue // it leaves a path after a second
			}
			c := class(t, list, name)
			r := one(c, p, 11)
			t.Logf("%s, %s: %d verdicts, %s without service, %.0f B/h", name, p, r.FalseVerdicts, r.Harm.Round(time.Millisecond),
				float64(r.ProbeBytes)/r.Simulated.Hours())
			if r.FalseSwitches != 0 {
				t.Errorf("%s, %s: %d false switches in %s", name, p, r.FalseSwitches, c.Long)
			}
		}
	}
}

// An idle tunnel costs not one byte and not one event of ours.
func TestIdleCostsNothing(t *testing.T) {
	r := one(class(t, Healthy(24*time.Hour), "idle, keepalive 0"), failover.Balanced, 12)
	if r.ProbeBytes != 0 || r.Events > 100 {
		t.Errorf("%d bytes and %d events in a day", r.ProbeBytes, r.Events)
	}
}

// When the network below is to blame nobody moves, a person is told once, and
// what comes back is used at once.
func TestOutageBelowMovesNothing(t *testing.T) {
	for _, name := range []string{"no network, 10 min", "sign-in page, 10 min", "no internet, 10 min"} {
		c := class(t, Faults(10), name)
		for _, p := range profiles() {
			r := one(c, p, 13)
			if r.Switches != 0 || r.Notices != r.Worlds || r.MostNotices != 1 {
				t.Errorf("%s, %s: %d switches and %d notices in %d worlds", name, p, r.Switches, r.Notices, r.Worlds)
			}
			if back, _ := Quantile(r.Outages, 1); back > 5*time.Second {
				t.Errorf("%s, %s: back after %s", name, p, back)
			}
		}
	}
}

// Half a day without any member: at most an attempt a minute, one notice, and
// service within ten seconds of the first that returns.
func TestAllMembersDown(t *testing.T) {
	const long = 12 * time.Hour
	for _, p := range profiles() {
		worlds := uint64(2)
		if soak() {
			worlds = uint64(len(busy))
		}
		for seed := range worlds {
			w := newWorld(seed)
			w.use(busy[seed])
			AllDown(long)(w)
			w.begin(&Holdfast{Profile: p})
			w.run(warm)
			w.open()
			w.run(warm + long + 20*time.Minute)
			w.end()
			y := w.Tally
			if y.Actions > int(long/time.Minute)+10 || y.Notices != 1 || y.Switches != 0 || y.After > 10*time.Second {
				t.Errorf("%s, %s: %d attempts, %d notices, %d switches, back after %s", p, busy[seed], y.Actions, y.Notices, y.Switches, y.After)
			}
		}
	}
}

// Faults of a member are found, and left, in about the time that the profile
// promises.
func TestFaultsAreLeft(t *testing.T) {
	for _, tt := range []struct {
		name        string
		median, p99 time.Duration
	}{
		{"black hole", 3500 * time.Millisecond, 16 * time.Second},
		{"server killed", 3500 * time.Millisecond, 16 * time.Second},
		{"black hole, one-way down", 5 * time.Second, 6 * time.Second},
		{"forwards nothing, pings", 4 * time.Second, 8 * time.Second},
		{"black hole, 10 % loss each way", 4500 * time.Millisecond, 16 * time.Second},
		{"black hole, no responder inside", 5 * time.Second, 16 * time.Second},
		{"upload dead", 5 * time.Second, 11 * time.Second},
		{"black hole, DNS trickle", 3500 * time.Millisecond, 6 * time.Second},
		{"black hole, wakes now and then", 5 * time.Second, 8 * time.Second},
	} {
		r := one(class(t, Faults(20), tt.name), failover.Balanced, 14)
		median, _ := Quantile(r.Outages, 0.5)
		worst, _ := Quantile(r.Outages, 0.99)
		t.Logf("%s: %s, %s", tt.name, median, worst)
		if median > tt.median || worst > tt.p99 || r.Missed != 0 || r.FalseSwitches != 0 {
			t.Errorf("%s: outage %s, 99 of 100 %s, %d missed, %d false switches", tt.name, median, worst, r.Missed, r.FalseSwitches)
		}
	}
}

// The others are as quick as their makers' rules make them: the worst cases that
// were worked out from their sources hold here, too.
func TestRivalsAreAsQuickAsTheirRules(t *testing.T) {
	for _, tt := range []struct {
		make        func() Contender
		least, most time.Duration
	}{
		{func() Contender { return &WGnext{} }, 30 * time.Second, 61 * time.Second},
		{func() Contender { return &Mullvad{} }, 19 * time.Second, 22 * time.Second},
		{func() Contender { return &Tailscale{} }, 3 * time.Second, 7 * time.Second},
		{func() Contender { return &NetBird{} }, 89 * time.Second, 211 * time.Second},
		{func() Contender { return &WGTunnel{Version: 5} }, 29 * time.Second, 47 * time.Second},
		{func() Contender { return &Gluetun{} }, time.Minute, 130 * time.Second},
		{func() Contender { return &Watchdog{} }, 14 * time.Second, 166 * time.Second},
	} {
		c := class(t, Faults(20), "black hole")
		c.Traffic = []Traffic{Pings}
		r := c.Play(15, []func() Contender{tt.make}, 2)[0]
		least, _ := Quantile(r.Detections, 0)
		most, _ := Quantile(r.Detections, 1)
		if len(r.Detections) != c.Worlds || least < tt.least || most > tt.most {
			t.Errorf("%s: %d of %d noticed, after %s to %s", r.Contender, len(r.Detections), c.Worlds, least, most)
		}
	}
}
