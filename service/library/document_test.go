package library_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/service/failover"
	"holdfast/service/library"
	"holdfast/service/tunnel"
)

func TestGroups(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de", "a.b")
	for name, members := range map[tunnel.Name][]tunnel.Name{"home": {"nl", "de"}, "x.y=z": {"a.b"}} {
		if err := l.SetGroup(name, members); err != nil {
			t.Fatal(err)
		}
		members[0] = "changed" // after it was set
	}
	var many []tunnel.Name
	for i := range 33 {
		many = append(many, tunnel.Name(fmt.Sprint("n", i)))
	}
	wantError(t, l.SetGroup("g", nil), library.ErrInvalid, "1 to 32")
	wantError(t, l.SetGroup("g", many), library.ErrInvalid, "1 to 32")
	wantError(t, l.SetGroup("g", []tunnel.Name{"nl", "nl"}), library.ErrInvalid, "twice")
	wantError(t, l.SetGroup("g", []tunnel.Name{"../nl"}), library.ErrInvalid)
	wantError(t, l.SetGroup("g", []tunnel.Name{"nl", "fr"}), library.ErrNotFound, "fr")
	wantError(t, l.SetGroup("g", []tunnel.Name{"home"}), library.ErrNotFound)
	wantError(t, l.SetGroup("a\nb", []tunnel.Name{"nl"}), library.ErrInvalid)
	wantError(t, l.SetGroup("nl", []tunnel.Name{"nl"}), library.ErrExists, "nl")
	wantError(t, l.SetGroup("NL", []tunnel.Name{"nl"}), library.ErrExists, "nl")
	wantError(t, l.SetGroup("HOME", []tunnel.Name{"nl"}), library.ErrExists, "home")
	wantError(t, l.RemoveGroup("g"), library.ErrNotFound)
	wantError(t, l.RemoveGroup("nl"), library.ErrNotFound)

	want := map[tunnel.Name][]tunnel.Name{"home": {"nl", "de"}, "x.y=z": {"a.b"}}
	for _, l := range []*library.Library{l, open(t, dir)} {
		got := l.Groups()
		if !maps.EqualFunc(got, want, slices.Equal[[]tunnel.Name]) {
			t.Errorf("groups are %v", got)
		}
		got["home"][0] = "changed"
		if l.Groups()["home"][0] != "nl" {
			t.Error("changing what Groups returned has changed the library")
		}
	}
}

func TestResolve(t *testing.T) {
	l := open(t, t.TempDir(), "nl", "de")
	other := config(t)
	other.Peers[0].PublicKey[0]++
	if err := l.Save("de", other, true); err != nil {
		t.Fatal(err)
	}
	if err := l.SetGroup("home", []tunnel.Name{"nl", "de"}); err != nil {
		t.Fatal(err)
	}
	one, two := failover.Member{Name: "nl", Site: config(t).Site()}, failover.Member{Name: "de", Site: other.Site()}
	for target, want := range map[tunnel.Name][]failover.Member{"home": {one, two}, "nl": {one}, "de": {two}} {
		if got, err := l.Resolve(target); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", target, got, err)
		}
	}
	for _, target := range []tunnel.Name{"", "fr", "Home", "../nl"} {
		_, err := l.Resolve(target)
		wantError(t, err, library.ErrNotFound)
	}
}

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if l.Policy() != failover.DefaultPolicy() {
		t.Errorf("policy is %+v", l.Policy())
	}
	p, err := l.SetSettings(map[string]string{"profile": "classic", "health_check_interval": "1s", "max_cycles": "5", "auto_failback": "false",
		"traffic_timeout": "30s", "mtu": "1380"})
	if err != nil || p != l.Policy() {
		t.Fatalf("got %+v, %v", p, err)
	}
	want := failover.DefaultPolicy()
	want.Profile, want.HealthCheckInterval, want.MaxCycles, want.AutoFailback, want.MTU = failover.Classic, time.Second, 5, false, 1380
	if p != want || open(t, dir).Policy() != want {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	text := read(t, dir, "holdfast.toml")
	if _, rest, _ := strings.Cut(text, "\n\n"); rest != `[settings]
profile = "classic"
health_check_interval = "1s"
max_cycles = 5
auto_failback = false
mtu = 1380

[groups]
` || !strings.HasPrefix(text, "# ") {
		t.Errorf("stored\n%s", text)
	}

	_, err = l.SetSettings(map[string]string{"max_cycles": "6", "cooldown": "soon", "colour": "red", "mtu": "12"})
	wantError(t, err, library.ErrInvalid, "cooldown", `"colour" is unknown`, "mtu")
	if l.Policy() != want || read(t, dir, "holdfast.toml") != text {
		t.Error("half of the settings were taken")
	}

	p, err = l.SetSettings(map[string]string{"profile": "", "health_check_interval": "10s", "max_cycles": "", "auto_failback": "true", "mtu": "auto"})
	if err != nil || p != failover.DefaultPolicy() {
		t.Errorf("got %+v, %v", p, err)
	}
	if strings.Contains(read(t, dir, "holdfast.toml"), "= ") {
		t.Errorf("defaults are stored:\n%s", read(t, dir, "holdfast.toml"))
	}
}

// Every setting is stored and read back, whatever it is set to.
func TestEverySettingIsKept(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for _, s := range failover.Settings() {
		for _, v := range append(s.Choices, s.Min, s.Max) {
			if v == "" {
				continue
			}
			p, err := l.SetSettings(map[string]string{s.Key: v})
			if err != nil {
				t.Errorf("%s=%s: %v", s.Key, v, err)
				continue
			}
			if got := open(t, dir).Policy(); got != p {
				t.Errorf("%s=%s: got %+v, want %+v", s.Key, v, got, p)
			}
		}
	}
}

func TestHandWrittenDocument(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, "nl", "de")
	put(t, dir, "holdfast.toml", `# mine
groups = { home = ["nl",
  "de"], "a.b" = ["de"] }
[settings] # numbers as they come
max_cycles = "4"
cooldown = 90
auto_failback = "false"
`)
	l := open(t, dir)
	p := l.Policy()
	if p.MaxCycles != 4 || p.Cooldown != 90*time.Second || p.AutoFailback {
		t.Errorf("policy is %+v", p)
	}
	if g := l.Groups(); len(g) != 2 || !slices.Equal(g["home"], []tunnel.Name{"nl", "de"}) {
		t.Errorf("groups are %v", g)
	}
	// What was edited meanwhile is kept by the next change.
	put(t, dir, "holdfast.toml", "[settings]\nmax_cycles = 7\n[groups]\nother = [\"nl\"]\n")
	if err := l.SetGroup("home", []tunnel.Name{"de"}); err != nil {
		t.Fatal(err)
	}
	if l.Policy().MaxCycles != 7 || len(l.Groups()) != 2 || open(t, dir).Policy().MaxCycles != 7 {
		t.Errorf("an edit was lost: %+v, %v", l.Policy(), l.Groups())
	}
}

func TestDamagedDocument(t *testing.T) {
	for text, says := range map[string]string{
		"[settings]\nprofil = \"classic\"":                      "line 2: unknown setting \"profil\"",
		"[settings]\n\n\nprofile = \"slow\"":                    "line 4: setting profile: \"slow\" is not allowed",
		"[settings]\nprofile = 1.5":                             "line 2: setting profile must be",
		"[settings]\nprofile = [\"classic\"]":                   "line 2: setting profile must be",
		"[settings]\nmax_cycles = 99":                           "line 2: setting max_cycles",
		"[settings]\nmax_cycles = 2024-01-01":                   "line 2: setting max_cycles must be",
		"[settings]\nprofile = \"classic\"\nprofile = \"fast\"": "line 3: ",
		"[settings]\nprofile = \"classic\n":                     "line 2: ",
		"[settings\n":                                           "line 2: ",
		"garbage":                                               "line 1: ",
		"[settings]\n[setting]\nprofile = \"classic\"":          "line 2: unknown key \"setting\"",
		"profile = \"classic\"":                                 "line 1: unknown key \"profile\"",
		"\nsettings = 3":                                        "line 2: settings is a table",
		"[[settings]]\nprofile = \"classic\"":                   "settings is a table",
		"[[groups]]\nhome = [\"nl\"]":                           "groups is a table",
		"[settings.profile]\nx = 1":                             "line 1: setting profile must be",
		"[groups]\nhome = []":                                   "line 2: group home: a group has 1 to 32 members",
		"[groups]\nhome = \"nl\"":                               "line 2: group \"home\" must be a list",
		"[groups]\na.b = [\"nl\"]":                              "line 2: group \"a\" must be a list",
		"[groups]\nhome = [\"nl\", 2]":                          "line 2: group home: each member",
		"[groups]\nhome = [\"nl\", \"NL\"]":                     "line 2: group home: member NL is there twice",
		"[groups]\nhome = [\"../nl\"]":                          "line 2: group home: name \"../nl\"",
		"[groups]\n\"a b\" = [\"nl\"]":                          "line 2: name \"a b\"",
		"[groups]\nhome = [\"nl\"]\nHOME = [\"nl\"]":            "groups HOME and home differ only in case",
		"\xff": "line 1: ",
		"[settings]\nbad = 1\nworse = 2\n[groups]\nhome = []\n[x]\n":    "line 3: unknown setting \"worse\"",
		strings.Repeat("#", tunnel.MaxBytes+1):                          "larger than 256 KiB",
		"[settings]\nprofile = \"classic\"\n[settings]\nmtu = \"auto\"": "line 3: ",
	} {
		dir := t.TempDir()
		l := open(t, dir, "nl")
		put(t, dir, "holdfast.toml", text)

		_, err := library.Open(dir)
		wantError(t, err, library.ErrDamaged, filepath.Join(dir, "holdfast.toml"), says)
		wantError(t, l.Reload(), library.ErrDamaged)
		wantError(t, l.SetGroup("g", []tunnel.Name{"nl"}), library.ErrDamaged)
		_, err = l.SetSettings(map[string]string{"max_cycles": "4"})
		wantError(t, err, library.ErrDamaged)
		if read(t, dir, "holdfast.toml") != text {
			t.Errorf("%q was written over", text)
		}
		if l.Policy() != failover.DefaultPolicy() || len(l.Groups()) != 0 {
			t.Errorf("%q was taken in", text)
		}
		if err := os.Remove(filepath.Join(dir, "holdfast.toml")); err != nil {
			t.Fatal(err)
		}
		if err := l.Reload(); err != nil {
			t.Errorf("moved away, but %v", err)
		}
	}
}
