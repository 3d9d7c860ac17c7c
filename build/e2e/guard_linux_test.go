package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/web/api"
)

// guard asks the service what its guard does, as JSON.
func (s *service) guard(args ...string) api.Guard {
	s.w.t.Helper()
	var g api.Guard
	out := s.cli(append([]string{"guard", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &g); err != nil {
		s.w.t.Fatalf("%v in %q", err, out)
	}
	return g
}

// TestGuardOnRequest opens and shuts the guard by the command line, and looks
// each time whether the neighbour on the link, which is outside the tunnel and
// needs none of its routes, can be reached.
func TestGuardOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	leaves := func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "1", "10.200.0.1")
		return err == nil
	}
	is := func(what string, want status.GuardStand, leave bool) {
		t.Helper()
		st := s.status()
		if got := st.Guard.Stand(st.Wish.On); got != want {
			t.Errorf("%s: the guard is %s, want %s (%+v)", what, got, want, st.Guard)
		}
		if got := leaves(); got != leave {
			t.Errorf("%s: what is outside the tunnel can be reached: %t, want %t", what, got, leave)
		}
	}
	is("before", status.GuardOpen, true)
	s.cli("up", "g")
	is("up", status.GuardShut, false)
	if out := s.cli("guard", "status"); out != "auto, shut and verified: nothing leaves beside the tunnel\n" {
		t.Errorf("got %q", out)
	}

	s.guard("release")
	is("released", status.GuardReleased, true)
	if g := s.guard("on"); !g.Verified || g.Released {
		t.Errorf("on: got %+v, want it shut and verified in the reply", g)
	}
	is("on", status.GuardShut, false)
	s.guard("release")
	s.cli("up", "g")
	is("another wish", status.GuardShut, false)

	const pause = 3 * time.Second
	began := time.Now()
	if g := s.guard("pause", "3"); g.PausedUntil == nil || g.PausedUntil.Sub(began) > pause+2*time.Second {
		t.Errorf("pause: got %+v", g)
	}
	is("paused", status.GuardPaused, true)
	rests := func() bool { st := s.status(); return st.Overall == status.Off && st.Active == nil }
	works := func() bool { o := s.status().Overall; return o == status.Protected || o == status.Idle }
	w.until("the tunnel to rest", pause, rests)
	w.until("the return", pause+10*time.Second, works)
	is("after the pause", status.GuardShut, false)
	s.guard("pause")
	w.until("the tunnel to rest", 10*time.Second, rests)
	s.guard("on")
	w.until("the return", 10*time.Second, works)
	is("returned on request", status.GuardShut, false)

	if g := s.guard("off"); string(g.Mode) != "off" {
		t.Errorf("off: got %+v", g)
	}
	is("off", status.GuardIsOff, true)
	if g := s.guard("on"); string(g.Mode) != "auto" || !g.Verified {
		t.Errorf("on: got %+v, want it shut and verified in the reply", g)
	}
	is("on again", status.GuardShut, false)

	s.cli("settings", "set", "guard=always")
	s.cli("down")
	w.until("everything to be kept in", 5*time.Second, func() bool { return s.status().Overall == status.Blocked })
	is("always, without a wish", status.GuardBlocking, false)
	s.guard("off")
	is("off, without a wish", status.GuardIsOff, true)

	var told []string
	for _, e := range s.events(event.GuardChanged) {
		told = append(told, e.To)
	}
	if got, want := strings.Join(told, " "), "held open held open held paused held paused held open held blocked open"; got != want {
		t.Errorf("the history tells %q, want %q", got, want)
	}
}

// asInstalled runs a program with the state of a service where an installed one
// has it, for that program alone.
const asInstalled = `mount -t tmpfs holdfast /var/lib && mkdir /var/lib/holdfast && mount --bind "$0" /var/lib/holdfast && exec "$@"`

// TestReleaseWithoutTheService has root open the guard of a service that is
// dead; the next one shuts it again.
func TestReleaseWithoutTheService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	before := w.network(t)
	leaves := func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "1", "10.200.0.1")
		return err == nil
	}
	release := func() (string, error) {
		return w.try(w.client, "unshare", "--mount", "sh", "-c", asInstalled, s.state, programs.holdfast, "guard", "release", "--socket", s.socket)
	}
	s.cli("up", "g")
	s.kill()
	if leaves() {
		t.Error("a dead service keeps nothing in")
	}
	out, err := release()
	if err != nil || !strings.Contains(out, "until the service starts") {
		t.Fatalf("release: %v\n%s", err, out)
	}
	if !leaves() {
		t.Error("released, and nothing gets out")
	}
	if rules, _ := w.try(w.client, "nft", "list", "tables"); strings.Contains(rules, "holdfast") {
		t.Errorf("released, and there are %q", rules)
	}
	if after := w.network(t); after != before {
		t.Errorf("after the release the system differs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
	if out, err := release(); err != nil {
		t.Errorf("released twice: %v\n%s", err, out)
	}
	s.run()
	w.until("the guard to be shut again", 10*time.Second, func() bool {
		st := s.status()
		return st.Guard.Stand(st.Wish.On) == status.GuardShut
	})
	if leaves() {
		t.Error("the service is back, and what is outside gets through")
	}
}
