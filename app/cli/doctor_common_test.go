package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFindingsOfEverySystem(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	running := managed{Installed: true, AtBoot: true, Running: true, State: "running"}
	stopped, manual := running, running
	stopped.Running, stopped.State = false, "stopped"
	manual.AtBoot = false
	for _, tt := range []struct {
		name string
		got  finding
		want result
		says string
	}{
		{"a clock", clockFinding(now, now.Add(-time.Hour)), passed, "2026-11-30"},
		{"a clock that stood still", clockFinding(now, now.Add(time.Hour)), broken, "before this program was built"},
		{"a build without a date", clockFinding(now, time.Time{}), passed, ""},
		{"no other VPN", rivalsFinding([]string{"Ethernet", "Wi-Fi", "Holdfast"}), passed, ""},
		{"another VPN", rivalsFinding([]string{"Ethernet", "OpenVPN Data Channel Offload", "Tailscale"}), warned, "OpenVPN Data Channel Offload, Tailscale"},
		{"a service that runs", registeredFinding(running, nil), passed, "runs"},
		{"a service that does not", registeredFinding(stopped, nil), broken, "stopped"},
		{"a service that is started by hand", registeredFinding(manual, nil), warned, "does not start at boot"},
		{"no service", registeredFinding(managed{}, nil), warned, "not installed"},
		{"no answer", registeredFinding(managed{}, errors.New("no manager")), skipped, "no manager"},
	} {
		if tt.got.Result != tt.want || tt.got.Detail == "" || !strings.Contains(tt.got.Detail, tt.says) || (tt.want == broken || tt.want == warned) && tt.got.Hint == "" {
			t.Errorf("%s: got %+v, want %s with %q", tt.name, tt.got, tt.want, tt.says)
		}
	}
}
