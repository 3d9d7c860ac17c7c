package control

import (
	"testing"
	"time"
)

func TestRolesAreLookedUpOnceAMinute(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	asked := 0
	groups := []string{"100", "777"}
	r := &Roles{Groups: []string{"holdfast", "admin"}, now: func() time.Time { return now }}
	r.lookup = func(int) person {
		asked++
		return person{name: "ann", ours: []string{"888", "777"}, gids: groups}
	}
	stranger := Peer{UID: 54321, GID: 100}
	for _, c := range []struct {
		name  string
		wait  time.Duration
		in    []string
		want  Role
		asked int
	}{
		{"a member", 0, []string{"100", "777"}, Operator, 1},
		{"taken out, a moment ago", 59 * time.Second, []string{"100"}, Operator, 1},
		{"taken out, a minute ago", time.Second, []string{"100"}, Viewer, 2},
		{"put in again", time.Minute, []string{"777"}, Operator, 3},
		{"the clock set back", -time.Hour, nil, Viewer, 4},
	} {
		now = now.Add(c.wait)
		groups = c.in
		if got := r.Role(stranger); got != c.want || asked != c.asked {
			t.Errorf("%s: got %s after asking %d times, want %s after %d", c.name, got, asked, c.want, c.asked)
		}
	}
	if got := r.Name(stranger); got != "ann" {
		t.Errorf("got the name %q", got)
	}
}

// TestGroupThatIsNotThere has no members, whoever asks.
func TestGroupThatIsNotThere(t *testing.T) {
	for _, group := range []string{"", "no-such-group-here"} {
		r := &Roles{Groups: []string{group}}
		if got := r.Role(Peer{UID: 54321, GID: -1}); got != Viewer {
			t.Errorf("%q: got %s, want viewer", group, got)
		}
	}
}

func TestManyPersonsAreNotRemembered(t *testing.T) {
	r := &Roles{Groups: []string{"g"}, lookup: func(int) person { return person{} }}
	for uid := range 3 * maxKnown {
		r.Role(Peer{UID: uid + 100_000})
	}
	if len(r.known) > maxKnown {
		t.Errorf("%d persons are remembered, want at most %d", len(r.known), maxKnown)
	}
}
