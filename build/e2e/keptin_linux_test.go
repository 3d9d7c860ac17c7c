package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A member whose config is damaged keeps in what it carried, also behind the
// service's start: what is left of its group carries less.
func TestDamagedMemberKeepsItsTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "split", "full")
	s := w.service()
	narrow := strings.Replace(w.servers[0].conf(), "0.0.0.0/0", target+"/32", 1)
	files := map[string]string{"split": narrow, "full": w.servers[1].conf()}
	for name, text := range files {
		file := filepath.Join(w.dir, name+".conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s.cli("tunnel", "import", file)
	}
	s.cli("group", "set", "g", "split", "full")
	beside := func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "1", "10.200.2.2")
		return err == nil
	}
	if !beside() {
		t.Fatal("nothing gets through before, so nothing can be kept in")
	}
	s.cli("up", "g")
	if beside() {
		t.Fatal("a group with a full tunnel lets something pass beside it")
	}
	s.kill()
	if err := os.Truncate(filepath.Join(s.config, "full.conf"), 20); err != nil {
		t.Fatal(err)
	}
	s.run()
	w.until("the tunnel that is left", 15*time.Second, func() bool { return s.active() == "split" })
	if beside() {
		t.Error("what the damaged tunnel carries leaves beside it")
	}
}

// Whoever asks for no tunnel and stops the service at once is not kept in.
func TestDownAndStopAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	s := w.service()
	s.group(w.servers)
	for i := range 5 {
		s.cli("up", "g")
		down := make(chan struct{})
		go func() {
			defer close(down)
			_, _ = s.try("down")
		}()
		w.until("the wish to be off", 5*time.Second, func() bool {
			text, _ := os.ReadFile(filepath.Join(s.state, "wish.json"))
			return strings.Contains(string(text), `"on":false`)
		})
		s.p.end(syscall.SIGTERM)
		if left := w.sh(w.client, "nft", "list", "tables"); strings.Contains(left, "holdfast") {
			t.Fatalf("try %d: nothing is wished for, no service runs, and everything is kept in: %s", i, left)
		}
		s.run()
		<-down
	}
}
