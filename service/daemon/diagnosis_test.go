package daemon

import (
	"strings"
	"testing"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// TestDiagnosisOfNothing: where no tunnel is wanted, none is said to be at rest.
func TestDiagnosisOfNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		on   bool
		seen diagnose.Evidence
		want event.Code
	}{
		{"off, all is well", false, diagnose.Evidence{Usable: true}, event.CodeNothingWanted},
		{"on, all is well", true, diagnose.Evidence{Usable: true}, event.CodeNothingWrong},
		{"off, no network", false, diagnose.Evidence{Underlay: tunnel.NoNetwork}, event.CodeOffNoNetwork},
		{"off, a sign-in page", false, diagnose.Evidence{Underlay: tunnel.SignIn}, event.CodeOffSignIn},
		{"off, no internet", false, diagnose.Evidence{Underlay: tunnel.NoInternet}, event.CodeOffNoInternet},
		{"on, no network", true, diagnose.Evidence{Underlay: tunnel.NoNetwork}, event.Code(tunnel.NoNetwork)},
	} {
		st := status.Status{Wish: status.Wish{On: c.on}}
		d := diagnosis(st, c.seen, time.Now())
		if d.Code != c.want || d.Title != event.Describe(c.want).Title {
			t.Errorf("%s: got %s %q, want %s", c.name, d.Code, d.Title, c.want)
		}
		if speaks := strings.Contains(d.What+d.Title, "the tunnel is at rest"); speaks && !c.on {
			t.Errorf("%s: %q, and there is no tunnel", c.name, d.What)
		}
	}
}
