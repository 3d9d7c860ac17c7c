package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// filled makes a store with events and samples, closes it and returns its
// directory. In a store that was not closed properly the log is still there.
func filled(t *testing.T, closed bool) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, testOptions(t, dir))
	s.Append(eventsFrom(1, 1500))
	mustFlush(t, s)
	if closed {
		mustClose(t, s)
		return dir
	}
	crashed := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, filepath.Join(crashed, e.Name()), data)
	}
	mustClose(t, s)
	return crashed
}

// mustWrite makes the file anew: ext4 would flush one that it only cuts.
func mustWrite(t *testing.T, path string, data []byte) {
	t.Helper()
	_ = os.Remove(path)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, f(data))
}

func execSQL(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite3", dbURI(path, "mode=rwc"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestDamage damages a history and opens it: what cannot be used is moved
// aside, and the store works on, with IDs that were never given out.
func TestDamage(t *testing.T) {
	tests := []struct {
		name   string
		closed bool // the store was closed before
		damage func(t *testing.T, path string)
		aside  bool
		lost   bool
	}{
		{"nothing", true, func(*testing.T, string) {}, false, false},
		{"a crash", false, func(*testing.T, string) {}, false, false},
		{"bad header", true, func(t *testing.T, p string) {
			change(t, p, func(b []byte) []byte { copy(b, "not a database, not at all"); return b })
		}, true, true},
		{"unknown format", true, func(t *testing.T, p string) {
			change(t, p, func(b []byte) []byte { b[18], b[19] = 9, 9; return b })
		}, true, true},
		{"not writable by its header", true, func(t *testing.T, p string) {
			change(t, p, func(b []byte) []byte { b[18] = 9; return b })
		}, true, true},
		{"zero length", true, func(t *testing.T, p string) {
			change(t, p, func([]byte) []byte { return nil })
		}, true, true},
		{"zero length after a crash", false, func(t *testing.T, p string) {
			change(t, p, func([]byte) []byte { return nil })
		}, true, true},
		{"short", true, func(t *testing.T, p string) {
			change(t, p, func(b []byte) []byte { return b[:50] })
		}, true, true},
		{"cut in half after a crash", false, func(t *testing.T, p string) {
			execSQL(t, p, "PRAGMA wal_checkpoint(TRUNCATE)")
			change(t, p, func(b []byte) []byte { return b[:len(b)/2] })
		}, true, true},
		{"random pages after a crash", false, func(t *testing.T, p string) {
			execSQL(t, p, "PRAGMA wal_checkpoint(TRUNCATE)")
			change(t, p, func(b []byte) []byte {
				r := rand.NewChaCha8([32]byte{1})
				for i := pageSize; i+pageSize <= len(b); i += 3 * pageSize {
					_, _ = r.Read(b[i : i+pageSize])
				}
				return b
			})
		}, true, true},
		{"gone", true, func(t *testing.T, p string) { _ = os.Remove(p) }, false, true},
		{"gone after a crash", false, func(t *testing.T, p string) { _ = os.Remove(p) }, false, true},
		{"another program's", true, func(t *testing.T, p string) {
			execSQL(t, p, "PRAGMA application_id = 77")
		}, true, true},
		{"emptied by another program", true, func(t *testing.T, p string) {
			_ = os.Remove(p)
			execSQL(t, p, "VACUUM")
		}, true, true},
		{"without a table", true, func(t *testing.T, p string) { execSQL(t, p, "DROP TABLE notice") }, true, true},
		{"a directory", true, func(t *testing.T, p string) {
			_ = os.Remove(p)
			_ = os.Mkdir(p, 0o700)
			mustWrite(t, filepath.Join(p, "kept"), nil)
		}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filled(t, tt.closed)
			path := filepath.Join(dir, dbName)
			tt.damage(t, path)
			s := mustOpen(t, testOptions(t, dir))
			r := s.Report()
			if (r.MovedAside != "") != tt.aside || r.Lost != tt.lost || r.Unavailable || r.Fresh {
				t.Errorf("report %+v", r)
			}
			if tt.aside {
				if _, err := os.Lstat(r.MovedAside); err != nil {
					t.Error(err)
				}
			}
			if last := s.LastEventID(); last < 1500 || !tt.lost && last != 1500 {
				t.Errorf("last ID %d", last)
			}
			id := s.LastEventID() + 1
			s.Append(eventsFrom(id, 1))
			mustFlush(t, s)
			p, err := s.Events(t.Context(), EventQuery{Descending: true})
			if err != nil || p.Events[0].ID != id || tt.lost == (len(p.Events) > 1) {
				t.Errorf("%d events, %v", len(p.Events), err)
			}
			mustClose(t, s)
			wholeDatabase(t, path)
		})
	}
}

// TestLogGone takes the log away after a crash: the newest events went with it,
// and their IDs are not used again.
func TestLogGone(t *testing.T) {
	dir := filled(t, false)
	execSQL(t, filepath.Join(dir, dbName), "PRAGMA wal_checkpoint(TRUNCATE)")
	execSQL(t, filepath.Join(dir, dbName), "DELETE FROM event WHERE id > 1200") // closes and deletes the log
	s := mustOpen(t, testOptions(t, dir))
	if r := s.Report(); r.MovedAside != "" || r.Lost {
		t.Errorf("report %+v", r)
	}
	if s.LastEventID() < 1500 {
		t.Errorf("last ID %d may have been given out", s.LastEventID())
	}
}

// TestDamageRandom changes random bytes anywhere: the store opens, works, and
// what it then keeps is whole.
func TestDamageRandom(t *testing.T) {
	t.Parallel()
	origin := filled(t, false)
	files := map[string][]byte{}
	for _, n := range []string{dbName, dbName + "-wal", knownName} {
		data, err := os.ReadFile(filepath.Join(origin, n))
		if err != nil {
			t.Fatal(err)
		}
		files[n] = data
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	aside := 0
	const rounds = 200
	for range rounds {
		dir := t.TempDir()
		for n, data := range files {
			mustWrite(t, filepath.Join(dir, n), data)
		}
		name := []string{dbName, dbName + "-wal"}[rnd.IntN(2)]
		change(t, filepath.Join(dir, name), func(b []byte) []byte {
			b = slices.Clone(b)
			for range 1 + rnd.IntN(40) {
				b[rnd.IntN(len(b))] = byte(rnd.Uint32())
			}
			if rnd.IntN(4) == 0 {
				b = b[:rnd.IntN(len(b))]
			}
			return b
		})
		s := mustOpen(t, testOptions(t, dir))
		if s.Report().Unavailable {
			t.Fatalf("report %+v", s.Report())
		}
		if s.Report().MovedAside != "" {
			aside++
		}
		s.Append(eventsFrom(s.LastEventID()+1, 3))
		mustFlush(t, s)
		mustClose(t, s)
	}
	t.Logf("%d of %d damaged histories moved aside", aside, rounds)
}

// TestDamageInUse damages the open file: the store starts a new one by itself.
func TestDamageInUse(t *testing.T) {
	dir := filled(t, true)
	o := testOptions(t, dir)
	o.Log = quiet()
	s := mustOpen(t, o)
	f, err := os.OpenFile(filepath.Join(dir, dbName), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(1); i < 60; i++ {
		if _, err := f.WriteAt(make([]byte, pageSize), i*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = f.Close() }) // closing it now would drop the locks of SQLite
	s.Append(eventsFrom(1501, 5))
	eventually(t, "a new history", func() bool { return s.Report().MovedAside != "" && s.Health() == nil })
	mustFlush(t, s)
	p, err := s.Events(t.Context(), EventQuery{})
	if err != nil || len(p.Events) != 5 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
}

func TestAsideKept(t *testing.T) {
	dir := filled(t, true)
	now := epoch
	for range 6 {
		mustWrite(t, filepath.Join(dir, dbName), []byte("rubbish"))
		o := testOptions(t, dir)
		now = now.Add(time.Minute)
		o.Now = func() time.Time { return now }
		mustClose(t, mustOpen(t, o))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if strings.Contains(e.Name(), asideMark) {
			n++
		}
	}
	if n != asideKept {
		t.Errorf("%d damaged histories kept, want %d", n, asideKept)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	t.Run("a link", func(t *testing.T) {
		for _, name := range []string{dbName, dbName + "-wal", dbName + ".lock"} {
			dir := t.TempDir()
			victim := filepath.Join(t.TempDir(), "victim")
			mustWrite(t, victim, []byte("mine"))
			if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
				t.Skip(err)
			}
			if _, err := Open(t.Context(), testOptions(t, dir)); !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s: got %v, want ErrUnsafe", name, err)
			}
			if data, _ := os.ReadFile(victim); string(data) != "mine" {
				t.Errorf("%s: the target of the link was written", name)
			}
		}
	})
	t.Run("a second service", func(t *testing.T) {
		o := testOptions(t, t.TempDir())
		s := mustOpen(t, o)
		if _, err := Open(t.Context(), o); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v, want ErrLocked", err)
		}
		mustClose(t, s)
		mustClose(t, mustOpen(t, o))
	})
	t.Run("another program at work", func(t *testing.T) {
		dir := filled(t, true)
		db, err := sql.Open("sqlite3", dbURI(filepath.Join(dir, dbName), "mode=rw"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), testOptions(t, dir)); !errors.Is(err, ErrLocked) {
			t.Errorf("got %v, want ErrLocked", err)
		}
		if _, err := os.Stat(filepath.Join(dir, dbName)); err != nil {
			t.Error(err)
		}
	})
}

// TestNewerSchema opens the history of a newer version: it is read, not written.
func TestNewerSchema(t *testing.T) {
	dir := filled(t, true)
	path := filepath.Join(dir, dbName)
	execSQL(t, path, "ALTER TABLE notice RENAME TO remark", "PRAGMA user_version = 99")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan []event.Event, 10)
	o := testOptions(t, dir)
	o.Committed = func(e []event.Event) { told <- e }
	s := mustOpen(t, o)
	if r := s.Report(); !r.ReadOnly || r.From != 99 || r.To != 99 || r.MovedAside != "" {
		t.Errorf("report %+v", r)
	}
	if s.LastEventID() != 1500 || !errors.Is(s.Health(), ErrReadOnly) {
		t.Errorf("last ID %d, health %v", s.LastEventID(), s.Health())
	}
	s.Append(eventsFrom(1501, 3))
	if got := <-told; len(got) != 3 {
		t.Errorf("told of %d events", len(got))
	}
	p, err := s.Events(t.Context(), EventQuery{After: 1490})
	if err != nil || len(p.Events) != 13 {
		t.Errorf("%d events, %v", len(p.Events), err)
	}
	if err := s.Flush(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Flush: %v", err)
	}
	if err := s.PutSetting(context.Background(), "a", "b"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("PutSetting: %v", err)
	}
	mustClose(t, s)
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("the file was changed (%v)", err)
	}
	// What was streamed is in nobody's history: its IDs are not used again.
	s = mustOpen(t, testOptions(t, dir))
	if s.LastEventID() < 1503 {
		t.Errorf("last ID %d", s.LastEventID())
	}
}
