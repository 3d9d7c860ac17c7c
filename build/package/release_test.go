package main

import "testing"

func TestDescribedVersion(t *testing.T) {
	for text, want := range map[string]string{
		"v1.2.3-0-g0123abc":  "1.2.3",
		"v1.2.3-14-g0123abc": "1.2.3+14",
	} {
		got, err := describedVersion(text)
		if err != nil || got != want || !validVersion.MatchString(got) {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	if got, err := describedVersion("1.2.3"); err == nil {
		t.Errorf("got %q for what git does not say", got)
	}
}

func TestNumeric(t *testing.T) {
	for version, want := range map[string]string{"1.2.3": "1.2.3", "1.2.3+4": "1.2.3", "0.0.1234": "0.0.1234"} {
		if got := (release{Version: version}).numeric(); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	if got, err := parseTarget("linux/amd64"); err != nil || got != (target{"linux", "amd64"}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "linux", "/amd64", "linux/"} {
		if got, err := parseTarget(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}
