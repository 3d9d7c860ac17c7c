package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// What an examination finds of a tunnel that cannot start is told once, and is
// the notice in place of one that it does not start.
func TestWhyNothingStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.hands.mute = true
		w.hands.around = diagnose.Evidence{Usable: true, Name: diagnose.Name{Checked: true, Host: "vpn.example", Err: "no such name"},
			Self: diagnose.Answer{Member: "nl"}}
		w.connect("nl")
		for range 4 {
			w.hands.reports <- failover.Changed{ID: "nl", State: tunnel.Down, Err: errors.New("look up vpn.example: no such name")}
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		var why []event.Event
		for _, e := range w.journal.of(event.StateChanged) {
			if e.Cause != "" {
				why = append(why, e)
			}
		}
		if len(why) != 1 || why[0].Cause != tunnel.EndpointDNS || why[0].Tunnel != "nl" || why[0].Evidence == "" {
			t.Errorf("told %+v, want once that the name is not found", why)
		}
		if open := w.journal.open(); len(open) != 1 || open[0] != event.Code(tunnel.EndpointDNS) {
			t.Errorf("open notices are %v", open)
		}
	})
}

// What another member has carried counts for as long as the doubt lasts.
func TestContrast(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	a := answers{}
	a.take(at, failover.Probed{ID: "de", Answered: true, Data: failover.Carries})
	a.take(at, failover.Probed{ID: "se", Answered: true, Data: failover.Mute})
	for _, tt := range []struct {
		name  string
		since time.Time
		of    []tunnel.Name
		want  bool
	}{
		{"it carries", at, []tunnel.Name{"se", "de"}, true},
		{"before the doubt", at.Add(time.Second), []tunnel.Name{"se", "de"}, false},
		{"it answers and carries nothing", at, []tunnel.Name{"se"}, false},
		{"never asked", at, []tunnel.Name{"fi"}, false},
	} {
		if got := a.carrying(tt.since, tt.of); got != tt.want {
			t.Errorf("%s: got %t", tt.name, got)
		}
	}
}
