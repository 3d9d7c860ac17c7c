package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// schemas returns the first n of the real migrations, and those of more behind them.
func schemas(t *testing.T, n int, more ...string) fs.FS {
	t.Helper()
	m, err := loadMigrations(defaultTuning().migrations)
	if err != nil {
		t.Fatal(err)
	}
	out := fstest.MapFS{}
	for _, x := range m[:n] {
		out[fmt.Sprintf("%04d_real.sql", x.version)] = &fstest.MapFile{Data: []byte(x.script)}
	}
	for i, script := range more {
		out[fmt.Sprintf("%04d_more.sql", n+i+1)] = &fstest.MapFile{Data: []byte(script)}
	}
	return out
}

func newest(t *testing.T) int {
	t.Helper()
	m, err := loadMigrations(defaultTuning().migrations)
	if err != nil {
		t.Fatal(err)
	}
	return len(m)
}

func with(m fs.FS) func(*tuning) { return func(tu *tuning) { tu.migrations = m } }

// rowsOf are the rows that a history of each schema is given. A new migration
// adds the statements that fill its own schema.
var rowsOf = map[int][]string{
	1: {
		`INSERT INTO event (id, at, kind, tunnel, "from", "to", cause, evidence, downtime_ms) VALUES (7, 1000000, 'failed_over', 'nl', 'nl', 'de', 'mtu', 'seen', 1500)`,
		`INSERT INTO sample VALUES (1, 1000000, 'nl', 5, 6, 700, 1, 'healthy', 'protected')`,
		`INSERT INTO notice VALUES (7, 'mtu', 'high', 'nl', 't', 'w', 'a', 'e', 1000000, NULL, 1)`,
		`INSERT INTO setting VALUES ('k', 'v')`,
	},
}

// TestMigrateFromEvery brings a history of each earlier schema up to date, and
// from there on to schemas that do not exist yet.
func TestMigrateFromEvery(t *testing.T) {
	last := newest(t)
	more := []string{`ALTER TABLE event ADD COLUMN weight INTEGER NOT NULL DEFAULT 3`, `CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO extra VALUES (1)`}
	for from := 1; from <= last+1; from++ {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			dir := t.TempDir()
			first := schemas(t, min(from, last), more[:max(0, from-last)]...)
			mustClose(t, mustOpen(t, testOptions(t, dir), with(first)))
			path := filepath.Join(dir, dbName)
			execSQL(t, path, rowsOf[min(from, last)]...)
			s := mustOpen(t, testOptions(t, dir), with(schemas(t, last, more...)))
			if r := s.Report(); r.From != from || r.To != last+2 || r.MovedAside != "" {
				t.Errorf("report %+v", r)
			}
			p, err := s.Events(t.Context(), EventQuery{})
			if err != nil || len(p.Events) != 1 || p.Events[0].DowntimeMs != 1500 || s.LastEventID() != 7 {
				t.Errorf("got %+v, %v", p, err)
			}
			if v, err := s.Setting(t.Context(), "k"); err != nil || v != "v" {
				t.Errorf("setting %q, %v", v, err)
			}
			n, err := s.OpenNotices(t.Context())
			if err != nil || len(n) != 1 || !n[0].Acknowledged {
				t.Errorf("notices %+v, %v", n, err)
			}
			mustClose(t, s)
			copied := fmt.Sprintf("%s%s%d", path, copyMark, from+1)
			wholeDatabase(t, copied)
			if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("copy: %v", err)
			}
			// The copy is the history as it was: it opens with the old program.
			if err := os.Rename(copied, path); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, testOptions(t, dir), with(first))
			if r := s.Report(); r.From != from || r.MovedAside != "" || s.LastEventID() < 7 {
				t.Errorf("copy: report %+v", r)
			}
		})
	}
}

// TestMigrateFails lets the second of two migrations fail: it leaves no trace,
// the copy is there, and the store goes on in memory.
func TestMigrateFails(t *testing.T) {
	dir := t.TempDir()
	last := newest(t)
	path := filepath.Join(dir, dbName)
	before := mustOpen(t, testOptions(t, dir))
	before.Append(eventsFrom(7, 1))
	mustFlush(t, before)
	mustClose(t, before)
	broken := schemas(t, last, `CREATE TABLE good (x INTEGER) STRICT`, `CREATE TABLE bad (x INTEGER) STRICT; DROP TABLE event; INSERT INTO nowhere VALUES (1)`)
	o := testOptions(t, dir)
	o.Log = quiet()
	s := mustOpen(t, o, with(broken))
	if r := s.Report(); !r.Unavailable || !strings.Contains(r.Reason, "nowhere") || r.MovedAside != "" || s.Health() == nil {
		t.Errorf("report %+v, health %v", r, s.Health())
	}
	id := s.LastEventID() + 1
	if id <= 7 {
		t.Errorf("last ID %d may have been given out", id-1)
	}
	s.Append(eventsFrom(id, 2))
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 2 {
		t.Errorf("got %+v, %v", p, err)
	}
	mustClose(t, s)
	wholeDatabase(t, fmt.Sprintf("%s%s%d", path, copyMark, last+1))
	s = mustOpen(t, testOptions(t, dir), with(schemas(t, last, `CREATE TABLE good (x INTEGER) STRICT`)))
	if r := s.Report(); r.From != last+1 || r.To != last+1 {
		t.Errorf("the failed step left its version: %+v", r)
	}
	if p, err := s.Events(t.Context(), EventQuery{}); err != nil || len(p.Events) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestCopiesKept(t *testing.T) {
	dir := t.TempDir()
	last := newest(t)
	more := []string{"CREATE TABLE a (x) ", "CREATE TABLE b (x)", "CREATE TABLE c (x)"}
	for n := range len(more) + 1 {
		mustClose(t, mustOpen(t, testOptions(t, dir), with(schemas(t, last, more[:n]...))))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var copies []string
	for _, e := range entries {
		if strings.Contains(e.Name(), copyMark) {
			copies = append(copies, e.Name())
		}
	}
	if want := fmt.Sprintf("%s%s%d", dbName, copyMark, last+3); len(copies) != 1 || copies[0] != want {
		t.Errorf("copies %v, want %s alone", copies, want)
	}
}

func TestLoadMigrationsNumbers(t *testing.T) {
	for _, name := range []string{"0003_b.sql", "0001_b.sql", "x_1.sql"} {
		dir := fstest.MapFS{"0001_a.sql": {}, name: {}}
		if _, err := loadMigrations(dir); err == nil {
			t.Errorf("0001_a.sql and %s: no error", name)
		}
	}
}
