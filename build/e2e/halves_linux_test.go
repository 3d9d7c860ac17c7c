package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestKillLeavesNoHalves kills the service while it is told to go up and down,
// to change settings, and to import: each is then done or not, never half.
func TestKillLeavesNoHalves(t *testing.T) {
	t.Parallel()
	kills := 20
	if soak() {
		kills = 100
	}
	w := newWorld(t, "a", "b")
	s := w.service()
	s.group(w.servers)
	pristine := stable(w.network(t))
	rng := rand.New(rand.NewPCG(3, 4))
	on := false
	for i := range kills {
		name := fmt.Sprintf("t%d", i)
		file := s.w.dir + "/" + name + ".conf"
		if err := os.WriteFile(file, []byte(w.servers[0].conf()), 0o600); err != nil {
			t.Fatal(err)
		}
		profile := []string{"classic", "balanced"}[i%2]
		mtu := fmt.Sprint(1300 + i)
		toggle := "up"
		if on {
			toggle = "down"
		}
		var errs [3]error
		var asking sync.WaitGroup
		asking.Go(func() {
			args := []string{toggle, "--no-wait"}
			if toggle == "up" {
				args = []string{"up", "g", "--no-wait"}
			}
			_, errs[0] = s.try(args...)
		})
		asking.Go(func() { _, errs[1] = s.try("settings", "set", "profile="+profile, "mtu="+mtu) })
		asking.Go(func() { _, errs[2] = s.try("tunnel", "import", file) })
		w.rest(time.Duration(rng.IntN(60)) * time.Millisecond)
		s.kill()
		asking.Wait()
		s.run()

		wish := s.status().Wish
		if errs[0] == nil && wish.On == on {
			t.Errorf("kill %d: %s was answered and not kept: %+v", i, toggle, wish)
		}
		on = wish.On
		var settings struct{ Settings []struct{ Key, Value string } }
		if err := json.Unmarshal([]byte(s.cli("settings", "get", "--json")), &settings); err != nil {
			t.Fatal(err)
		}
		now := map[string]string{}
		for _, v := range settings.Settings {
			now[v.Key] = v.Value
		}
		if changed := now["mtu"] == mtu; changed != (now["profile"] == profile) && i > 0 && changed {
			t.Errorf("kill %d: settings are half changed: %s, %s", i, now["profile"], now["mtu"])
		} else if errs[1] == nil && !changed {
			t.Errorf("kill %d: settings were answered and not kept", i)
		}
		if there := strings.Contains(s.cli("tunnel", "list", "--json"), `"`+name+`"`); errs[2] == nil && !there {
			t.Errorf("kill %d: an import was answered and not kept", i)
		} else if there {
			s.cli("tunnel", "show", name)
			s.cli("tunnel", "rm", name)
		}
		files, err := os.ReadDir(s.config)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasPrefix(f.Name(), ".") || !strings.HasSuffix(f.Name(), ".conf") && f.Name() != "holdfast.toml" {
				t.Errorf("kill %d left %s", i, f.Name())
			}
		}
	}
	s.cli("down")
	if after := stable(w.network(t)); after != pristine {
		t.Errorf("after %d kills and down the system differs.\nbefore:\n%s\nafter:\n%s", kills, pristine, after)
	}
}
