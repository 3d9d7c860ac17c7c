package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"holdfast/app/client"
	"holdfast/web/api"
)

// millis is how long something took, in milliseconds.
func millis(do func()) float64 {
	began := time.Now()
	do()
	return sinceMillis(began)
}

func sinceMillis(began time.Time) float64 { return float64(time.Since(began).Microseconds()) / 1000 }

// BenchmarkStart times the service from exec, with the wish on, to the first
// handshake and to the first answered ping, then down, and its own ending. The
// baseline is wireguard-go with the ip commands that wg-quick would run.
func BenchmarkStart(b *testing.B) {
	const starts = 15
	w := newWorld(b, "a")
	s := w.service()
	s.group(w.servers)
	g := w.ping(5 * time.Millisecond) // as soon as there is a tunnel, something wants through
	var handshakes, pings, alone, downs, stops []float64
	toPing := func(began time.Time) float64 {
		w.often("a ping", 10*time.Second, func() bool { return !g.first(began).IsZero() })
		return float64(g.first(began).Sub(began).Microseconds()) / 1000
	}
	s.cli("up", "g")
	for range starts {
		stops = append(stops, millis(func() { s.p.end(syscall.SIGTERM) }))
		w.rest(300 * time.Millisecond) // a server takes no two initiations at once
		began := time.Now()
		s.p = w.start(w.client, nil, programs.holdfastd, "run", "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket)
		pings = append(pings, toPing(began))
		var handshake *time.Time // its moment, told when the figures are next read
		w.until("the handshake's time", 5*time.Second, func() bool {
			handshake = s.status().Active.LastHandshake
			return handshake != nil
		})
		handshakes = append(handshakes, float64(handshake.Sub(began).Microseconds())/1000)
		downs = append(downs, millis(func() { s.cli("down") }))

		w.rest(300 * time.Millisecond)
		began = time.Now()
		t := w.standAlone()
		alone = append(alone, toPing(began))
		t.down()
		w.rest(300 * time.Millisecond)
		s.cli("up", "g")
		toPing(time.Now())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(handshakes, 50), "ms-to-handshake")
	b.ReportMetric(percentile(handshakes, 95), "ms-to-handshake-p95")
	b.ReportMetric(percentile(pings, 50), "ms-to-ping")
	b.ReportMetric(percentile(alone, 50), "ms-to-ping-alone")
	b.ReportMetric(percentile(downs, 50), "ms-down")
	b.ReportMetric(percentile(downs, 95), "ms-down-p95")
	b.ReportMetric(percentile(stops, 50), "ms-stop")
}

// BenchmarkStatus times `holdfast status --json` from exec to exit, beside a
// program that does nothing.
func BenchmarkStatus(b *testing.B) {
	w := newWorld(b, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("up", "g")
	var mine, base []float64
	for range 100 {
		mine = append(mine, millis(func() { s.cli("status", "--json") }))
		base = append(base, millis(func() {
			if err := exec.Command("true").Run(); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(mine, 50), "ms")
	b.ReportMetric(percentile(mine, 95), "ms-p95")
	b.ReportMetric(percentile(base, 50), "ms-of-true")
}

// BenchmarkHistory asks the service over its socket, by a new connection each
// time, for the latest 100 of a million events. The baseline is the version,
// which needs no history.
func BenchmarkHistory(b *testing.B) {
	const events = 1_000_000
	w := newWorld(b)
	s := w.service()
	s.p.end(syscall.SIGTERM)
	fill(b, filepath.Join(s.state, "holdfast.db"), events)
	s.run()
	ask := func(do func(context.Context, *client.Client) error) float64 {
		return millis(func() {
			c := client.New(s.socket)
			defer c.Close()
			if err := do(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		})
	}
	page := func(ctx context.Context, c *client.Client) error {
		h, err := c.History(ctx, api.EventQuery{Limit: 100})
		if err == nil && (len(h.Events) != 100 || h.Events[0].ID < events) {
			return fmt.Errorf("%d events from %d, want the latest 100", len(h.Events), h.Events[0].ID)
		}
		return err
	}
	version := func(ctx context.Context, c *client.Client) error {
		_, err := c.Version(ctx)
		return err
	}
	var mine, base []float64
	for range 200 {
		mine, base = append(mine, ask(page)), append(base, ask(version))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percentile(mine, 50), "ms")
	b.ReportMetric(percentile(mine, 95), "ms-p95")
	b.ReportMetric(percentile(base, 50), "ms-of-version")
}

// fill gives a history that many events, and marks it as that of a newer
// version: such a one is only read, and so keeps more than its size allows.
func fill(b *testing.B, file string, events int) {
	b.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
			INSERT OR REPLACE INTO event SELECT i, 1700000000000000+i*1000000, 'verdict_changed', 't' || i%%5, 'healthy', 'suspect', '', 'evidence ' || i, 0 FROM n`, events),
		`PRAGMA user_version = 1000`,
	} {
		if _, err := db.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
