package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/service/event"
)

// resolvConf gives the client's namespace a resolv.conf of its own and returns
// its path. ip netns exec mounts it over /etc/resolv.conf.
func (w *world) resolvConf(text string) string {
	w.t.Helper()
	dir := filepath.Join("/etc/netns", w.client)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		os.RemoveAll(dir)
		_ = os.Remove("/etc/netns") // only when it is empty
	})
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// stable leaves out of a listing what the kernel makes up anew for every
// interface: link-local addresses and their routes.
func stable(listing string) string {
	var b strings.Builder
	for line := range strings.Lines(listing) {
		if strings.Contains(line, "fe80::") || strings.Contains(line, "ff00::") {
			continue
		}
		var words []string
		for w := range strings.FieldsSeq(line) {
			if !strings.HasPrefix(w, "fe80::") {
				words = append(words, w)
			}
		}
		b.WriteString(strings.Join(words, " ") + "\n")
	}
	return b.String()
}

const resolv = "# the network's own\nnameserver 10.200.0.1\noptions timeout:1\n"

// TestDownUndoesEverything compares what the system was set to before up and
// after down, byte for byte.
func TestDownUndoesEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	file := w.resolvConf(resolv)
	s := w.service()
	for _, srv := range w.servers {
		conf := strings.Replace(srv.conf(), "[Peer]", "DNS = 10.77.0.1, corp.example\n[Peer]", 1)
		path := filepath.Join(w.dir, srv.name+".conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		s.cli("tunnel", "import", path)
	}
	s.cli("group", "set", "g", "a", "b")
	before := w.network(t) + w.ruleset()
	s.cli("up", "g")
	g := w.ping(200 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	up, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(up), "nameserver 10.77.0.1") || strings.Contains(string(up), "10.200.0.1") {
		t.Errorf("resolv.conf while up is %q (%v), want the tunnel's DNS alone", up, err)
	}
	if now := w.network(t); now == before {
		t.Error("up changed nothing")
	}
	if rules := w.ruleset(); !strings.Contains(rules, "table inet holdfast") {
		t.Errorf("up put no guard in force: %q", rules)
	}
	began := time.Now()
	s.cli("down")
	t.Logf("down took %v", time.Since(began).Round(time.Millisecond))
	if after := w.network(t) + w.ruleset(); after != before {
		t.Errorf("after down the system differs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
	if down, _ := os.ReadFile(file); string(down) != resolv {
		t.Errorf("resolv.conf after down is %q, want %q", down, resolv)
	}
	if st, code := s.status(), s.exit("status"); st.Overall != "off" || code != 0 {
		t.Errorf("overall is %q and status exits with %d; being off is no error", st.Overall, code)
	}
}

// TestKill kills the service at random moments. Each time it comes back by
// itself to what was wished, with the system set as it was, and with every
// event that anyone had been shown.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 12
	if soak() {
		kills = 100
	}
	w := newWorld(t, "a", "b")
	file := w.resolvConf(resolv)
	s := w.service()
	for _, srv := range w.servers {
		conf := strings.Replace(srv.conf(), "[Peer]", "DNS = 10.77.0.1\n[Peer]", 1)
		path := filepath.Join(w.dir, srv.name+".conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		s.cli("tunnel", "import", path)
	}
	s.cli("group", "set", "g", "a", "b")
	pristine := stable(w.network(t))
	s.cli("up", "g")
	g := w.ping(100 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	steady := stable(w.network(t))
	steadyDNS, _ := os.ReadFile(file)

	rng := rand.New(rand.NewPCG(1, 2))
	for i := range kills {
		var shown []event.Event
		switch i % 4 {
		case 0: // while it works
			shown = s.events()
		case 1: // while it starts, which the previous round began
		case 2: // in the middle of a move
			shown = s.events()
			_, _ = s.try("switch", string("ba"[i/4%2]), "--no-wait")
		case 3: // in the middle of going down; the wish is then what was saved
			_, _ = s.try("reconnect", "--no-wait")
		}
		w.rest(time.Duration(rng.IntN(120)) * time.Millisecond)
		s.kill()
		s.run()
		have := map[int64]bool{}
		for _, e := range s.events() {
			have[e.ID] = true
		}
		for _, e := range shown {
			if !have[e.ID] {
				t.Errorf("kill %d lost event %+v, which had been shown", i, e)
			}
		}
		if wish := s.status().Wish; !wish.On || wish.Target != "g" {
			t.Errorf("after kill %d the wish is %+v, want on for g", i, wish)
		}
		if i%4 == 0 {
			continue // the next kill comes while it starts
		}
		w.flowing(g, 15*time.Second)
		w.until("the system to be set", 5*time.Second, func() bool { return stable(w.network(t)) == steady })
		if dns, _ := os.ReadFile(file); string(dns) != string(steadyDNS) {
			t.Errorf("after kill %d resolv.conf is %q", i, dns)
		}
	}
	s.cli("down")
	if after := stable(w.network(t)); after != pristine {
		t.Errorf("after %d kills and down the system differs.\nbefore:\n%s\nafter:\n%s", kills, pristine, after)
	}
	if dns, _ := os.ReadFile(file); string(dns) != resolv {
		t.Errorf("after %d kills and down resolv.conf is %q, want %q", kills, dns, resolv)
	}
}

// TestKilledAndGone kills the service, and takes away the tunnel that it was to
// bring back: what it had set in the system is undone all the same, but for what
// keeps traffic in. That goes with the wish.
func TestKilledAndGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	file := w.resolvConf(resolv)
	s := w.service()
	conf := filepath.Join(w.dir, "a.conf")
	if err := os.WriteFile(conf, []byte(strings.Replace(w.servers[0].conf(), "[Peer]", "DNS = 10.77.0.1\n[Peer]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli("tunnel", "import", conf)
	pristine := stable(w.network(t))
	s.cli("up", "a")
	s.kill()
	if dns, _ := os.ReadFile(file); string(dns) == resolv {
		t.Fatal("nothing was left to be undone")
	}
	if err := os.Remove(filepath.Join(s.config, "a.conf")); err != nil {
		t.Fatal(err)
	}
	s.run()
	w.until("the resolvers to be the network's", 5*time.Second, func() bool { dns, _ := os.ReadFile(file); return string(dns) == resolv })
	if st := s.status(); st.Overall != "blocked" || !st.Guard.Verified {
		t.Errorf("overall is %q with %+v, want blocked by a guard that holds", st.Overall, st.Guard)
	}
	s.cli("down")
	if after := stable(w.network(t)) + w.ruleset(); after != pristine {
		t.Errorf("after down the system differs.\nbefore:\n%s\nafter:\n%s", pristine, after)
	}
}

// TestSplitTunnel routes only what the config names.
func TestSplitTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	path := filepath.Join(w.dir, "a.conf")
	conf := strings.Replace(w.servers[0].conf(), "0.0.0.0/0", "10.77.0.0/24, 10.9.0.0/24", 1)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	before := w.network(t)
	s.cli("tunnel", "import", path)
	s.cli("up", "a")
	w.flowing(w.ping(200*time.Millisecond), 10*time.Second)
	if route := w.sh(w.client, "ip", "route", "get", "10.77.0.9"); !strings.Contains(route, "holdfast") {
		t.Errorf("10.77.0.9 goes by %s, want the tunnel", route)
	}
	if route := w.sh(w.client, "ip", "route", "get", "203.0.113.1"); !strings.Contains(route, "eth0") {
		t.Errorf("203.0.113.1 goes by %s, want eth0", route)
	}
	s.cli("down")
	if after := w.network(t); after != before {
		t.Errorf("after down the system differs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

// TestRestartLadder has one tunnel and nowhere to go.
func TestRestartLadder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	s.cli("settings", "set", "profile=classic", "health_check_interval=1s", "traffic_timeout=3s")
	s.cli("up", "a")
	g := w.ping(200 * time.Millisecond)
	w.flowing(g, 10*time.Second)
	w.servers[0].drop()
	w.until("restarts", 40*time.Second, func() bool { return len(s.events(event.Restarted)) >= 3 })
	if st := s.status(); st.Overall != "blocked" && st.Overall != "switching" {
		t.Errorf("overall is %q while the only server is dead, want blocked by the guard", st.Overall)
	}
	if code := s.exit("status", "--check"); code != 3 {
		t.Errorf("status --check exits with %d, want 3", code)
	}
	w.heal()
	w.flowing(g, 70*time.Second)
	w.until("protected", 10*time.Second, func() bool { o := s.status().Overall; return o == "protected" || o == "idle" })
}

// TestBadConfigsStoreNothing imports files that are wrong.
func TestBadConfigsStoreNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	good := filepath.Join(w.dir, "good.conf")
	if err := os.WriteFile(good, []byte(w.servers[0].conf()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown":  strings.Replace(w.servers[0].conf(), "[Peer]", "Colour = red\n[Peer]", 1),
		"nokey":    "[Interface]\nAddress = 10.0.0.1/32\n",
		"empty":    "",
		"zero":     strings.Repeat("\x00", 100),
		"longline": "[Interface]\n# " + strings.Repeat("x", 5000) + "\n",
	} {
		bad := filepath.Join(w.dir, name+".conf")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := s.exit("tunnel", "import", good, bad); code != 8 {
			t.Errorf("import of %s exits with %d, want 8", name, code)
		}
	}
	if list := s.cli("tunnel", "list", "--json"); strings.Contains(list, `"good"`) {
		t.Errorf("a file that was imported beside a bad one was stored: %s", list)
	}
	s.cli("tunnel", "import", good)
	if code := s.exit("tunnel", "show", "nosuch"); code != 7 {
		t.Errorf("show of an unknown tunnel exits with %d, want 7", code)
	}
	if code := s.exit("up", "nosuch"); code != 7 {
		t.Errorf("up of an unknown tunnel exits with %d, want 7", code)
	}
}
