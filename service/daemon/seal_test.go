package daemon

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/guardset"
	"holdfast/service/library"
	"holdfast/service/status"
	"holdfast/store"
)

const splitConf = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.9.0.2/32

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.77.0.0/16
Endpoint = 192.0.2.1:51820
`

// TestSealedSet says what is shut while there is no service, by what is on disk.
func TestSealedSet(t *testing.T) {
	off, on := &status.Wish{}, &status.Wish{On: true, Target: "a"}
	group := &status.Wish{On: true, Target: "g"}
	auto, always, never := "guard = \"auto\"\n", "guard = \"always\"\n", "guard = \"off\"\n"
	const all, split = "0.0.0.0/0 ::/0", "10.77.0.0/16"
	full := strings.Replace(splitConf, split, "0.0.0.0/0", 1)
	for _, tt := range []struct {
		name     string
		settings string
		files    map[string]string // beside a.conf, a split tunnel, in the configuration
		wish     *status.Wish      // nil: nobody ever asked
		harm     func(config, state string) error
		want     guardset.Kind
		carry    string
	}{
		{name: "never asked", settings: auto, want: guardset.Open},
		{name: "never asked, always", settings: always, want: guardset.Blocked, carry: all},
		{name: "wish off", settings: auto, wish: off, want: guardset.Open},
		{name: "wish off, always", settings: always, wish: off, want: guardset.Blocked, carry: all},
		{name: "wish on", settings: auto, wish: on, want: guardset.Held, carry: split},
		{name: "wish on, always", settings: always, wish: on, want: guardset.Held, carry: all},
		{name: "wish on, never", settings: never, wish: on, want: guardset.Open},
		{name: "full tunnel", settings: auto, wish: on, files: map[string]string{"a.conf": full}, want: guardset.Held, carry: all},
		{name: "group", settings: auto + "[groups]\ng = [\"a\", \"b\"]\n", wish: group,
			files: map[string]string{"b.conf": strings.Replace(splitConf, split, "10.78.0.0/16", 1)}, want: guardset.Held, carry: "10.77.0.0/16 10.78.0.0/16"},
		{name: "a member is gone", settings: auto + "[groups]\ng = [\"a\", \"b\"]\n", wish: group, want: guardset.Held, carry: all},
		{name: "a member cannot be read", settings: auto + "[groups]\ng = [\"a\", \"b\"]\n", wish: group,
			files: map[string]string{"b.conf": "[Interface]\n"}, want: guardset.Held, carry: all},
		{name: "the target is gone", settings: auto, wish: &status.Wish{On: true, Target: "x"}, want: guardset.Held, carry: all},
		{name: "one copy of the wish is damaged", settings: auto, wish: on, harm: cut("wish.json"), want: guardset.Held, carry: split},
		{name: "the wish is damaged", settings: auto, wish: on, harm: cut("wish.json", "wish.json.1"), want: guardset.Blocked, carry: all},
		{name: "the wish is damaged, never", settings: never, wish: on, harm: cut("wish.json", "wish.json.1"), want: guardset.Open},
		{name: "the settings are damaged", settings: "guard = \"au", wish: off, want: guardset.Blocked, carry: all},
		{name: "a setting will not do", settings: auto + "profile = 7\n", wish: off, want: guardset.Blocked, carry: all},
		{name: "a setting will not do, never", settings: never + "profile = 7\n", wish: on, want: guardset.Open},
		{name: "no configuration", settings: auto, wish: on, harm: func(config, _ string) error { return os.RemoveAll(config) }, want: guardset.Held, carry: all},
		{name: "no state", settings: auto, wish: on, harm: func(_, state string) error { return os.RemoveAll(state) }, want: guardset.Open},
		{name: "the configuration is a file", settings: auto, wish: off, harm: func(config, _ string) error {
			return errors.Join(os.RemoveAll(config), os.WriteFile(config, nil, 0o600))
		}, want: guardset.Blocked, carry: all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			opt := Options{ConfigDir: filepath.Join(dir, "etc"), StateDir: filepath.Join(dir, "var"), Log: slog.New(slog.DiscardHandler)}
			files := map[string]string{"a.conf": splitConf, "holdfast.toml": "[settings]\n" + tt.settings}
			maps.Copy(files, tt.files)
			if err := os.Mkdir(opt.ConfigDir, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(opt.ConfigDir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tt.wish != nil {
				if err := store.NewWishFile(opt.StateDir).Save(*tt.wish); err != nil {
					t.Fatal(err)
				}
			}
			if tt.harm != nil {
				if err := tt.harm(opt.ConfigDir, opt.StateDir); err != nil {
					t.Fatal(err)
				}
			}
			got := guardset.For(situation(opt))
			if got.Kind != tt.want || !slices.Equal(got.Carry, prefixes(tt.carry)) {
				t.Errorf("got %s, carry %v; want %s, carry %s", got.Kind, got.Carry, tt.want, tt.carry)
			}
			lib, err := library.Look(opt.ConfigDir)
			if err != nil || tt.wish == nil || !tt.wish.On || got.Kind != guardset.Held {
				return
			}
			// The service that runs then opens nothing of that.
			s := guardset.Situation{Mode: lib.Policy().Guard, Wish: guardset.WishOn, Scope: scopeOf(lib, tt.wish.Target, "")}
			if got := guardset.For(s); !slices.Equal(got.Carry, prefixes(tt.carry)) {
				t.Errorf("the service: %s, carry %v; want %s, carry %s", got.Kind, got.Carry, tt.want, tt.carry)
			}
		})
	}
}

// cut leaves half of files of the state.
func cut(names ...string) func(config, state string) error {
	return func(_, state string) error {
		for _, name := range names {
			info, err := os.Stat(filepath.Join(state, name))
			if err != nil {
				return err
			}
			if err := os.Truncate(filepath.Join(state, name), info.Size()/2); err != nil {
				return err
			}
		}
		return nil
	}
}

func prefixes(text string) (out []netip.Prefix) {
	for word := range strings.FieldsSeq(text) {
		out = append(out, netip.MustParsePrefix(word))
	}
	return out
}

// TestPassTime waits as long as it is told, and not when it is told to stop.
func TestPassTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := passTime(t.Context(), 65*time.Second); err != nil || time.Since(began) != 65*time.Second {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if err := passTime(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("told to stop: %v", err)
		}
	})
}
