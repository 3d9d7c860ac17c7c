//go:build unix

package guard

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/service/guardset"
)

// TestFuse blows the fuse of a pause, with a pfctl that writes down what it is told.
func TestFuse(t *testing.T) {
	pause := pfWrite(meant{set: guardset.Set{Kind: guardset.Blocked, Paused: 60}, paused: time.Minute}, "", 0)
	next := pfWrite(meant{set: full()}, "utun7", 0)
	for name, c := range map[string]struct {
		shown string
		blows bool
	}{
		"the pause is still in force": {pause.text(), true},
		"it has ended":                {next.text(), false},
		"all is open":                 {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			told, shown := filepath.Join(dir, "told"), filepath.Join(dir, "shown")
			pfctl := filepath.Join(dir, "pfctl")
			script := fmt.Sprintf("#!/bin/sh\nprintf '%%s ' \"$@\" >>%s; echo >>%s\ncase \"$*\" in *'-s rules') cat %s;; *'-f -') cat >>%s;; esac\n", told, told, shown, told)
			for path, text := range map[string]string{pfctl: script, shown: c.shown} {
				if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("/bin/sh", pfFuseArguments(0, pause.label(pause.mark(), 0), pfctl)...)
			cmd.Stdin = strings.NewReader(next.text())
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Fatalf("%v: %s", err, out)
			}
			want := "-q -a com.apple/000.holdfast -s rules \n"
			if c.blows {
				want += "-q -o none -a com.apple/000.holdfast -f - \n" + next.text() + "-q -F states \n"
			}
			got, err := os.ReadFile(told)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("pfctl was told\n%swant\n%s", got, want)
			}
		})
	}
}
