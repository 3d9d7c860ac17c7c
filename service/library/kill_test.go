package library_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"holdfast/service/tunnel"
)

// saverDir makes this test's own program the one that is killed.
const saverDir = "HOLDFAST_TEST_SAVER_DIR"

// TestKilledWhileSaving kills a process that changes the library, again and
// again, and looks at what it leaves.
func TestKilledWhileSaving(t *testing.T) {
	if dir := os.Getenv(saverDir); dir != "" {
		changeForever(t, dir)
		return
	}
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	if err := l.SetGroup("home", []tunnel.Name{"nl", "de"}); err != nil {
		t.Fatal(err)
	}
	both := 0
	for n := range 30 {
		killAfter(t, dir, 1+n*7%23)
		l := open(t, dir)
		names := l.Tunnels()
		if len(names) == 3 {
			both++
		}
		if !slices.Contains(names, "nl") || len(names) < 2 || len(l.Problems()) != 0 {
			t.Fatalf("left are %v, with %v", names, l.Problems())
		}
		if members, err := l.Resolve("home"); err != nil || len(members) != 2 {
			t.Fatalf("the group is left with %v, %v", members, err)
		}
		for _, f := range files(t, dir) {
			if strings.HasPrefix(f, ".") {
				t.Errorf("left over: %s", f)
			}
		}
	}
	t.Logf("%d of 30 kills were in the middle of a rename", both)
}

// killAfter starts the saver and kills it when it has told of this many changes.
func killAfter(t *testing.T, dir string, changes int) {
	t.Helper()
	saver := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSaving$", "-test.v")
	saver.Env = append(os.Environ(), saverDir+"="+dir)
	out, err := saver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := saver.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for seen := 0; seen < changes; {
		if !lines.Scan() {
			_ = saver.Process.Kill()
			t.Fatalf("the saver ended by itself: %v", saver.Wait())
		}
		if lines.Text() == "changed" {
			seen++
		}
	}
	if err := saver.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = saver.Wait() // it was killed
}

// changeForever never returns, unless something goes wrong.
func changeForever(t *testing.T, dir string) {
	l := open(t, dir)
	from, to := tunnel.Name("de"), tunnel.Name("fr")
	if l.Groups()["home"][1] == to {
		from, to = to, from
	}
	if slices.Contains(l.Tunnels(), to) { // a rename was interrupted
		if err := l.Remove(to); err != nil {
			t.Fatal(err)
		}
	}
	c := config(t)
	for n := 0; ; n++ {
		c.Interface.MTU = 1300 + n%100
		for _, change := range []func() error{
			func() error {
				_, err := l.SetSettings(map[string]string{"mtu": fmt.Sprint(c.Interface.MTU)})
				return err
			},
			func() error { return l.Save("nl", c, true) },
			func() error { return l.Rename(from, to) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			fmt.Println("changed")
		}
		from, to = to, from
	}
}
