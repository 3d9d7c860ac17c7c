package prefs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func german(p *Prefs) error { p.Language = "de"; return nil }

func TestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "holdfast", "prefs.json")
	s := Open(path)
	if got := s.Get(); got.Language != "auto" || !got.Notify.Kinds[Stall] {
		t.Errorf("at first: got %+v", got)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made before there was anything to keep")
	}
	if _, err := s.Change(german); err != nil {
		t.Fatal(err)
	}
	if got := Open(path).Get(); got.Language != "de" || got.Theme != "auto" {
		t.Errorf("got %+v", got)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if len(left)+len(hidden) != 1 {
		t.Errorf("beside the file there are %v %v", left, hidden)
	}
}

// TestRefusedChangeChangesNothing, in memory or on disk.
func TestRefusedChangeChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prefs.json")
	s := Open(path)
	heard, cancel := s.Subscribe()
	defer cancel()
	no := errors.New("no")
	if _, err := s.Change(func(p *Prefs) error { p.Notify.Kinds[Stall] = false; return no }); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Change(func(p *Prefs) error { p.Theme = "pink"; return nil }); err == nil {
		t.Error("a theme of nobody's was kept")
	}
	if got := s.Get(); got.Theme != "auto" || !got.Notify.Kinds[Stall] {
		t.Errorf("got %+v", got)
	}
	if _, err := os.Stat(path); err == nil || len(heard) > 0 {
		t.Error("something was kept or told")
	}
}

func TestSubscribersHearTheLatest(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "prefs.json"))
	heard, cancel := s.Subscribe()
	for _, theme := range []string{"light", "dark"} {
		if _, err := s.Change(func(p *Prefs) error { p.Theme = theme; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-heard; got.Theme != "dark" {
		t.Errorf("heard %+v", got)
	}
	cancel()
	if _, err := s.Change(german); err != nil {
		t.Fatal(err)
	}
	if len(heard) > 0 {
		t.Error("heard more after the end")
	}
}

// TestAnotherProcess may change the file, too.
func TestAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prefs.json")
	one, other := Open(path), Open(path)
	if _, err := other.Change(german); err != nil {
		t.Fatal(err)
	}
	heard, cancel := one.Subscribe()
	defer cancel()
	if got := one.Get(); got.Language != "de" {
		t.Errorf("got %+v", got)
	}
	if got := <-heard; got.Language != "de" {
		t.Errorf("heard %+v", got)
	}
	if got, err := one.Change(func(p *Prefs) error { p.Theme = "dark"; return nil }); err != nil || got.Language != "de" {
		t.Errorf("the other's change was lost: %+v, %v", got, err)
	}
}

// TestDamaged: a file that cannot be understood is put aside, and not lost.
func TestDamaged(t *testing.T) {
	for _, text := range []string{"", "{", `{"language":"tlh"}`, "[1]", `{"notify":{"quietFrom":"22:00"}}`} {
		path := filepath.Join(t.TempDir(), "prefs.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := Open(path)
		if s.Damage() == nil || s.Get().Language != "auto" {
			t.Errorf("%q: got %+v, %v", text, s.Get(), s.Damage())
		}
		if _, err := s.Change(german); err != nil {
			t.Fatal(err)
		}
		if s.Damage() != nil || Open(path).Get().Language != "de" {
			t.Errorf("%q: it is not kept", text)
		}
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || string(aside) != text {
			t.Errorf("%q was not put aside: %q, %v", text, aside, err)
		}
	}
}

func TestFileIsThePersonsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prefs.json")
	s := Open(path)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Change(german); err != nil {
				t.Error(err)
			}
			s.Get()
		})
	}
	all.Wait()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("got %v, %v", info, err)
	}
}

func TestWhatCannotBeWrittenIsNotTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := Open(filepath.Join(file, "prefs.json"))
	if _, err := s.Change(german); err == nil || s.Get().Language != "auto" {
		t.Errorf("got %+v, %v", s.Get(), err)
	}
}
