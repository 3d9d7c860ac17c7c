package guard

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/service/guardset"
)

const testMark = 0x6866

// ownNamespace moves the test into a network namespace of its own, which goes
// with the test's thread. It holds lo only.
func ownNamespace(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("needs a network namespace:", err)
	}
	run(t, "ip link set lo up")
}

func newGuard(t testing.TB) *Guard {
	g := New(Options{Interface: "hf0", Mark: testMark})
	t.Cleanup(func() { g.Close() })
	return g
}

// run runs a command line of words without blanks and returns what it printed.
func run(t testing.TB, line string) string {
	t.Helper()
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
	return string(out)
}

func mustSet(t testing.TB, g *Guard, s guardset.Set) {
	t.Helper()
	if err := g.Set(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}
