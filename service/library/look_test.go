package library_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"holdfast/service/failover"
	"holdfast/service/library"
	"holdfast/service/tunnel"
)

func TestLookChangesNothing(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "home")
	put(t, dir, "holdfast.toml", "[settings]\nguard = \"always\"\n")
	left := filepath.Join(dir, ".home.conf123")
	put(t, dir, filepath.Base(left), "")
	seen, err := library.Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.Tunnels(); !slices.Equal(got, []tunnel.Name{"home"}) || seen.Policy().Guard != failover.GuardAlways {
		t.Errorf("got tunnels %v and guard %s, want home and always", got, seen.Policy().Guard)
	}
	if _, err := os.Lstat(left); err != nil {
		t.Errorf("a file that a write in progress needs is gone: %v", err)
	}
}

func TestLookWhereNothingIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	l, err := library.Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Tunnels(); len(got) > 0 || l.Policy() != failover.DefaultPolicy() {
		t.Errorf("got tunnels %v and settings %+v, want none and the defaults", got, l.Policy())
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

func TestGuardSetting(t *testing.T) {
	byDefault := failover.DefaultPolicy().Guard
	for _, tt := range []struct {
		name, text string
		want       failover.Guard // "": not known
	}{
		{"no settings", "", byDefault},
		{"another setting", "[settings]\nprofile = \"fast\"\n", byDefault},
		{"off", "[settings]\nguard = \"off\"\n", failover.GuardOff},
		{"off beside what will not do", "[settings]\nguard = \"off\"\nnonsense = 3\n[groups]\n\"?\" = 7\n", failover.GuardOff},
		{"always beside a bad value", "[settings]\nprofile = 12\nguard = \"always\"\n", failover.GuardAlways},
		{"no mode", "[settings]\nguard = \"of\"\n", ""},
		{"no text", "[settings]\nguard = 0\n", ""},
		{"not TOML", "[settings\nguard = \"off\"\n", ""},
		{"cut short", "[settings]\nguard = \"of", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "holdfast.toml", tt.text)
			got, err := library.GuardSetting(dir)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if got, err := library.GuardSetting(filepath.Join(t.TempDir(), "none")); got != byDefault || err != nil {
		t.Errorf("without a directory: got %q, %v; want %q", got, err, byDefault)
	}
}
