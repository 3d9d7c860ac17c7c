package failover

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSettingsCoverThePolicy(t *testing.T) {
	keys := []string{
		"profile", "health_check_interval", "traffic_timeout", "suspect_after", "handshake_timeout",
		"on_unhealthy", "restart_attempts", "when_exhausted", "minimum_hold", "max_cycles", "cooldown",
		"auto_failback", "failback_probe_interval", "failback_stability", "failback_when", "standby",
		"guard", "allow_lan", "mtu", "keepalive_override", "third_party_checks", "check_pages",
	}
	all := Settings()
	if len(all) != len(keys) {
		t.Fatalf("%d settings, want %d", len(all), len(keys))
	}
	for i, s := range all {
		if s.Key != keys[i] {
			t.Errorf("setting %d is %s, want %s", i, s.Key, keys[i])
		}
		if s.Help == "" || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%s: help %q is not a sentence", s.Key, s.Help)
		}
		if (s.Min == "") != (s.Max == "") || (s.Min == "" && len(s.Choices) == 0 && s.Key != "check_pages") {
			t.Errorf("%s: bounds %q to %q, choices %q", s.Key, s.Min, s.Max, s.Choices)
		}
		if _, ok := Lookup(s.Key); !ok {
			t.Errorf("%s is not found by its key", s.Key)
		}
	}
	if _, ok := Lookup("no_such"); ok {
		t.Error("found a setting that is not there")
	}
}

// Every word and bound that a setting names is accepted and read back.
func TestSettingsRoundTrip(t *testing.T) {
	for _, s := range Settings() {
		values := append([]string{s.Default}, s.Choices...)
		if s.Min != "" {
			values = append(values, s.Min, s.Max)
		}
		for _, v := range values {
			p := DefaultPolicy()
			if err := s.Set(&p, v); err != nil {
				t.Errorf("%s=%s: %v", s.Key, v, err)
			} else if got := s.Get(&p); got != v {
				t.Errorf("%s=%s is read back as %s", s.Key, v, got)
			}
		}
	}
}

func TestSettingsDefaultsAreDefaultPolicy(t *testing.T) {
	got := DefaultPolicy()
	got.Profile, got.TrafficTimeout, got.MTU, got.KeepaliveOverride = Fast, time.Second, 1280, 25
	for _, s := range Settings() {
		if err := s.Set(&got, s.Default); err != nil {
			t.Fatal(err)
		}
	}
	if got != DefaultPolicy() {
		t.Errorf("got %+v", got)
	}
}

func TestSettingsForms(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"traffic_timeout", "5", "5s"},
		{"traffic_timeout", "90s", "1m30s"},
		{"traffic_timeout", " 5s ", "5s"},
		{"cooldown", "1h", "1h"},
		{"cooldown", "1h0m10s", "1h0m10s"},
		{"minimum_hold", "0", "0s"},
		{"health_check_interval", "1500ms", "1.5s"},
		{"mtu", "1420", "auto"},
		{"mtu", "1400", "1400"},
		{"keepalive_override", "0", "0"},
		{"suspect_after", "3", "3s"},
		{"check_pages", "  http://a.example/204\thttp://[2001:db8::1]:8080/x?y=1 ", "http://a.example/204 http://[2001:db8::1]:8080/x?y=1"},
	} {
		s, _ := Lookup(tt.key)
		p := DefaultPolicy()
		if err := s.Set(&p, tt.value); err != nil {
			t.Errorf("%s=%s: %v", tt.key, tt.value, err)
		} else if got := s.Get(&p); got != tt.want {
			t.Errorf("%s=%s: got %s, want %s", tt.key, tt.value, got, tt.want)
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for _, tt := range []struct{ key, value, allowed string }{
		{"profile", "turbo", "classic, patient, balanced, fast"},
		{"profile", "", "classic"},
		{"traffic_timeout", "0", "from 1s to 24h"},
		{"traffic_timeout", "25h", "from 1s to 24h"},
		{"traffic_timeout", "-5s", "from 1s to 24h"},
		{"traffic_timeout", "99999999999999999999", "from 1s to 24h"},
		{"traffic_timeout", "soon", "10s, 5m or 10"},
		{"suspect_after", "0s", "or auto"},
		{"restart_attempts", "0", "1 to 20"},
		{"restart_attempts", "1.5", "1 to 20"},
		{"max_cycles", "21", "1 to 20"},
		{"mtu", "1279", "1280 to 9000, or auto"},
		{"mtu", "9001", "1280 to 9000, or auto"},
		{"keepalive_override", "-1", "0 to 65535, or none"},
		{"keepalive_override", "65536", "0 to 65535, or none"},
		{"auto_failback", "yes", "true or false"},
		{"guard", "on", "off, auto, always"},
		{"third_party_checks", "no", "true or false"},
		{"check_pages", "", "1 to 5 addresses"},
		{"check_pages", "http://a/ http://b/ http://c/ http://d/ http://e/ http://f/", "1 to 5 addresses"},
		{"check_pages", "https://a.example/204", "not https"},
		{"check_pages", "a.example/204", "such as http://"},
		{"check_pages", "http://", "such as http://"},
		{"check_pages", "http://:80/", "such as http://"},
		{"check_pages", "http://me:secret@a.example/", "such as http://"},
		{"check_pages", "http://a.example/#x", "such as http://"},
		{"check_pages", "http://a.example/" + strings.Repeat("x", 200), "such as http://"},
		{"check_pages", "http://a.example/%zz", "such as http://"},
	} {
		s, _ := Lookup(tt.key)
		p := DefaultPolicy()
		err := s.Set(&p, tt.value)
		if err == nil {
			t.Errorf("%s=%s is accepted", tt.key, tt.value)
			continue
		}
		for _, part := range []string{tt.key, tt.value, tt.allowed} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s=%s: %q does not say %q", tt.key, tt.value, err, part)
			}
		}
		if p != DefaultPolicy() {
			t.Errorf("%s=%s changed the policy", tt.key, tt.value)
		}
	}
}

// Whatever is written: it is refused and changes nothing, or what is read back
// sets the same policy.
func TestSettingsAnyValue(t *testing.T) {
	all := Settings()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(all).Draw(t, "setting")
		v := rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,6}(ms|s|m|h)?`)).Draw(t, "value")
		p := DefaultPolicy()
		if s.Set(&p, v) != nil {
			if p != DefaultPolicy() {
				t.Fatalf("%s=%q was refused and changed the policy", s.Key, v)
			}
			return
		}
		q := DefaultPolicy()
		if err := s.Set(&q, s.Get(&p)); err != nil || p != q {
			t.Fatalf("%s=%q: read back %q: %v", s.Key, v, s.Get(&p), err)
		}
	})
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		profile      Profile
		suspectAfter time.Duration
		want         time.Duration
	}{
		{Classic, 0, 0},
		{Classic, 3 * time.Second, 0},
		{Patient, 0, 5 * time.Second},
		{Balanced, 0, 2 * time.Second},
		{Fast, 0, time.Second},
		{Fast, 3 * time.Second, 3 * time.Second},
	} {
		p := DefaultPolicy()
		p.Profile, p.SuspectAfter = tt.profile, tt.suspectAfter
		if got := p.Limits().SuspectAfter; got != tt.want {
			t.Errorf("%s with %s: got %s, want %s", tt.profile, tt.suspectAfter, got, tt.want)
		}
	}
	for _, tt := range []struct {
		profile Profile
		standby Standby
		want    time.Duration
	}{
		{Balanced, Cold, 0}, {Balanced, ProbeStandby, 4 * time.Minute}, {Fast, Warm, 4 * time.Minute},
		{Classic, Warm, 0},
	} {
		p := DefaultPolicy()
		p.Profile, p.Standby = tt.profile, tt.standby
		if got := p.Limits().Heartbeat; got != tt.want {
			t.Errorf("%s with %s standbys: a heartbeat every %s, want %s", tt.profile, tt.standby, got, tt.want)
		}
	}
	l := DefaultPolicy().Limits()
	if l.CheckInterval != 10*time.Second || l.TrafficTimeout != 30*time.Second ||
		l.HandshakeTimeout != 30*time.Second || l.SuspectInterval != time.Second {
		t.Errorf("got %+v", l)
	}
}
