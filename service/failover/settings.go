package failover

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one field of the Policy as a person reads and writes it. The keys
// are those of holdfast.toml, `holdfast settings` and the API.
type Setting struct {
	// Key is the name in snake_case. It never changes.
	Key string
	// Default is the value of DefaultPolicy, as Get writes it.
	Default string
	// Help is one sentence that says what the setting does.
	Help string
	// Unit is what a bare number means: "seconds", "bytes", or "" for none.
	Unit string
	// Min and Max bound a number or a duration, both included, as Get writes
	// them. Empty: the setting is one of Choices, or, where there are none, a text
	// of which Help says what it is.
	Min, Max string
	// Choices are all the words it accepts, or those it accepts beside the
	// numbers between Min and Max.
	Choices []string

	get func(*Policy) string
	set func(*Policy, string) error // its error says what is wrong with the value
}

// Get writes the setting's value in p.
func (s Setting) Get(p *Policy) string { return s.get(p) }

// Set reads value into p. An error names the key, the value and what is
// allowed; p is then unchanged.
func (s Setting) Set(p *Policy, value string) error {
	if err := s.set(p, strings.TrimSpace(value)); err != nil {
		return fmt.Errorf("setting %s: %q is not allowed: use %w", s.Key, value, err)
	}
	return nil
}

// Lookup finds a setting by its key.
func Lookup(key string) (Setting, bool) {
	all := Settings()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

// Settings lists every setting, in the order of DESIGN.md §5.
func Settings() []Setting {
	all := []Setting{
		choice("profile", "How health is judged: classic by what is sent and received alone; patient, balanced and fast also ask the tunnel when data goes unanswered for 5, 2 or 1 s, and decide sooner.",
			func(p *Policy) *Profile { return &p.Profile }, Classic, Patient, Balanced, Fast),
		duration("health_check_interval", "Time between looks at the counters while traffic flows.",
			func(p *Policy) *time.Duration { return &p.HealthCheckInterval }, time.Second),
		duration("traffic_timeout", "How long sent data may go unanswered before the tunnel is unhealthy; below 10 s a stream that nobody answers looks dead.",
			func(p *Policy) *time.Duration { return &p.TrafficTimeout }, time.Second),
		suspectAfterSetting(),
		duration("handshake_timeout", "How long handshakes may go unanswered before the tunnel is unhealthy, with or without data.",
			func(p *Policy) *time.Duration { return &p.HandshakeTimeout }, time.Second),
		choice("on_unhealthy", "What to do when the tunnel is unhealthy: failover restarts where there is no other member.",
			func(p *Policy) *OnUnhealthy { return &p.OnUnhealthy }, ToFailover, ToRestart, ToNotify, ToDisconnect),
		number("restart_attempts", "How many restarts to try, each rebuilding more than the one before.", "",
			func(p *Policy) *int { return &p.RestartAttempts }, 1, 20),
		choice("when_exhausted", "What to do when the restarts have not helped.",
			func(p *Policy) *WhenExhausted { return &p.WhenExhausted }, KeepTrying, StayBlocked, GiveUp),
		duration("minimum_hold", "No other switch for this long after a switch, unless the active member is proven dead and the target proven alive.",
			func(p *Policy) *time.Duration { return &p.MinimumHold }, 0),
		number("max_cycles", "How often to go through all members before a cooldown.", "",
			func(p *Policy) *int { return &p.MaxCycles }, 1, 20),
		duration("cooldown", "How long to wait after going through all members max_cycles times.",
			func(p *Policy) *time.Duration { return &p.Cooldown }, time.Second),
		boolean("auto_failback", "Return to a preferred member once it is stable.",
			func(p *Policy) *bool { return &p.AutoFailback }),
		duration("failback_probe_interval", "Time between probes of preferred members while on a fallback.",
			func(p *Policy) *time.Duration { return &p.FailbackProbeInterval }, time.Second),
		duration("failback_stability", "How long a preferred member must answer before the return; doubles while it flaps.",
			func(p *Policy) *time.Duration { return &p.FailbackStability }, 0),
		choice("failback_when", "When to return: quiet waits for a calm line, 15 minutes at most.",
			func(p *Policy) *FailbackWhen { return &p.FailbackWhen }, WhenQuiet, AtOnce, Never),
		choice("standby", "How other members are kept: cold has no device, probe asks now and then, warm keeps a session.",
			func(p *Policy) *Standby { return &p.Standby }, Cold, ProbeStandby, Warm),
		choice("guard", "When the kill switch is shut. auto: while a tunnel is wished for, and only for what it should carry; always: for everything, also without a tunnel and from the start of the computer; off: never. On Linux only; elsewhere it holds nothing back yet.",
			func(p *Policy) *Guard { return &p.Guard }, GuardOff, GuardAuto, GuardAlways),
		boolean("allow_lan", "What goes to the fixed private ranges may pass the guard, too: printers, file servers, containers. DNS to them may not.",
			func(p *Policy) *bool { return &p.AllowLAN }),
		mtuSetting(),
		keepaliveSetting(),
		boolean("third_party_checks", "Ask pages on the internet when a tunnel is in trouble, to tell a sign-in page or a dead internet connection; never on a healthy tunnel.",
			func(p *Policy) *bool { return &p.ThirdPartyChecks }),
		pagesSetting(),
	}
	byDefault := DefaultPolicy()
	for i := range all {
		all[i].Default = all[i].Get(&byDefault)
	}
	return all
}

func suspectAfterSetting() Setting {
	s := duration("suspect_after",
		"How long data may go unanswered before the tunnel is suspected and the other members are asked; auto is the profile's, and classic has none.",
		func(p *Policy) *time.Duration { return &p.SuspectAfter }, time.Second)
	return orWord(s, "auto",
		func(p *Policy) bool { return p.SuspectAfter == 0 },
		func(p *Policy) { p.SuspectAfter = 0 })
}

func mtuSetting() Setting {
	s := number("mtu", "MTU of the interface where the config gives none; auto is 1420.", "bytes",
		func(p *Policy) *int { return &p.MTU }, 1280, 9000)
	return orWord(s, "auto",
		func(p *Policy) bool { return p.MTU == defaultMTU },
		func(p *Policy) { p.MTU = defaultMTU })
}

func keepaliveSetting() Setting {
	s := number("keepalive_override", "Persistent keepalive of a group's members in place of their own; none keeps their own, 0 turns it off.",
		"seconds", func(p *Policy) *int { return &p.KeepaliveOverride }, 0, 65535)
	return orWord(s, "none",
		func(p *Policy) bool { return p.KeepaliveOverride < 0 },
		func(p *Policy) { p.KeepaliveOverride = -1 })
}

// orWord lets a bounded setting also be one word, which is and does say what
// it stands for.
func orWord(s Setting, word string, is func(*Policy) bool, put func(*Policy)) Setting {
	get, set := s.get, s.set
	s.Choices = []string{word}
	s.get = func(p *Policy) string {
		if is(p) {
			return word
		}
		return get(p)
	}
	s.set = func(p *Policy, value string) error {
		if value == word {
			put(p)
			return nil
		}
		if err := set(p, value); err != nil {
			return fmt.Errorf("%w, or %s", err, word)
		}
		return nil
	}
	return s
}

// maxDuration bounds every wait. A day is longer than anyone wants to be
// without service.
const maxDuration = 24 * time.Hour

func duration(key, help string, field func(*Policy) *time.Duration, least time.Duration) Setting {
	allowed := fmt.Errorf("a duration from %s to %s, such as 10s, 5m or 10 (seconds)", write(least), write(maxDuration))
	return Setting{
		Key: key, Help: help, Unit: "seconds", Min: write(least), Max: write(maxDuration),
		get: func(p *Policy) string { return write(*field(p)) },
		set: func(p *Policy, value string) error {
			d, err := read(value)
			if err != nil || d < least || d > maxDuration {
				return allowed
			}
			*field(p) = d
			return nil
		},
	}
}

// read takes Go's form of a duration, or plain seconds.
func read(value string) (time.Duration, error) {
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("read duration: %w", err)
	}
	return d, nil
}

// write is Go's form of a duration without the zeros at its end: 5m, not 5m0s.
func write(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func number(key, help, unit string, field func(*Policy) *int, least, most int) Setting {
	allowed := fmt.Errorf("a whole number from %d to %d", least, most)
	return Setting{
		Key: key, Help: help, Unit: unit, Min: strconv.Itoa(least), Max: strconv.Itoa(most),
		get: func(p *Policy) string { return strconv.Itoa(*field(p)) },
		set: func(p *Policy, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < least || n > most {
				return allowed
			}
			*field(p) = n
			return nil
		},
	}
}

func boolean(key, help string, field func(*Policy) *bool) Setting {
	return Setting{
		Key: key, Help: help, Choices: []string{"true", "false"},
		get: func(p *Policy) string { return strconv.FormatBool(*field(p)) },
		set: func(p *Policy, value string) error {
			switch value {
			case "true":
				*field(p) = true
			case "false":
				*field(p) = false
			default:
				return fmt.Errorf("true or false")
			}
			return nil
		},
	}
}

func choice[T ~string](key, help string, field func(*Policy) *T, words ...T) Setting {
	s := Setting{Key: key, Help: help}
	for _, w := range words {
		s.Choices = append(s.Choices, string(w))
	}
	allowed := fmt.Errorf("one of %s", strings.Join(s.Choices, ", "))
	s.get = func(p *Policy) string { return string(*field(p)) }
	s.set = func(p *Policy, value string) error {
		if !slices.Contains(words, T(value)) {
			return allowed
		}
		*field(p) = T(value)
		return nil
	}
	return s
}
