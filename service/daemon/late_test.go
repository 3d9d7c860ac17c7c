package daemon

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/clock"
	"holdfast/service/lab"
	"holdfast/service/netwatch"
	"holdfast/service/wg"
	"holdfast/store"
)

// TestLate asks real servers. The clock of the keeper is behind that of the
// device, which is the machine's, as if it had been set back since.
func TestLate(t *testing.T) {
	for _, tt := range []struct {
		name          string
		behind        time.Duration
		silent        bool // the server does not answer at all
		asked, proven bool
	}{
		{"the clock was set back, and the server remembers", 8 * time.Hour, false, true, true},
		{"the clock was set back, and the server is silent", 8 * time.Hour, true, true, false},
		{"the clock is right", 0, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := lab.New(lab.Options{Seed: 1})
			defer l.Close()
			server, err := l.AddServer("a", lab.ServerOptions{})
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			s, err := store.Open(ctx, store.Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var back time.Duration
			k := newTimekeeper(ctx, time.Time{}, func() clock.Reading {
				r := netwatch.ReadClock()
				r.Wall = r.Wall.Add(-back)
				return r
			}, s, slog.New(slog.DiscardHandler))
			inside := &Inside{}
			devices := wg.New(wg.Options{Initiate: k.initiate, OpenTUN: func(name string, mtu int) (tun.Device, error) { return inside.open(name, mtu) }})
			k.server = devices
			if _, err := devices.Open("", 0); err != nil {
				t.Fatal(err)
			}
			defer devices.Close()
			if err := devices.Start(ctx, "a", server.ClientConfig(), wg.StartOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, err := devices.Probe(ctx, "a"); err != nil {
				t.Fatal(err)
			}
			back = tt.behind
			if tt.silent {
				if err := server.Break(lab.BlackHole); err != nil {
					t.Fatal(err)
				}
			}
			asked, proven := k.late(ctx, "a")
			if asked != tt.asked || proven != tt.proven {
				t.Errorf("asked %v, proven %v; want %v, %v", asked, proven, tt.asked, tt.proven)
			}
			if got := k.evidence(); got.Held || (got.Behind > 7*time.Hour) != (tt.behind > 0) {
				t.Errorf("evidence is %+v", got)
			}
		})
	}
}
