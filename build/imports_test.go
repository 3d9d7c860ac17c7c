// Package build holds what builds and checks the product; none of it ships.
package build

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "holdfast/"

// pure packages decide. Each may import the ones named here, and of the
// standard library nothing that reads a clock, keeps a lock or does I/O.
var pure = map[string][]string{
	"service/tunnel":   {},
	"service/clock":    {},
	"service/event":    {"service/tunnel"},
	"service/health":   {"service/tunnel"},
	"service/diagnose": {"service/tunnel", "service/health"},
	"service/failover": {"service/tunnel", "service/health", "service/event", "service/diagnose"},
	"service/brain":    {"service/tunnel", "service/health", "service/event", "service/diagnose", "service/failover"},
	"service/status":   {"service/tunnel", "service/health", "service/event", "service/diagnose", "service/failover", "service/guardset"},
	"service/guardset": {"service/tunnel", "service/failover"},
}

// impure is what of the standard library no pure package may touch.
var impure = []string{
	"bufio", "context", "crypto/rand", "database", "embed", "io/fs", "log", "math/rand", "net", "os",
	"plugin", "runtime", "sync", "syscall", "testing", "unsafe",
}

// adapters act. They import pure packages and no other package of ours, but
// for those named here.
var adapters = map[string][]string{
	"service/acl":       {},
	"service/control":   {},
	"service/guard":     {},
	"service/host":      {},
	"service/lab":       {},
	"service/library":   {"service/acl", "service/swap"},
	"service/loader":    {},
	"service/netcfg":    {"service/underlay", "service/swap"},
	"service/netwatch":  {"service/underlay"},
	"service/probe":     {"service/underlay"},
	"service/swap":      {},
	"service/underlay":  {},
	"service/userspace": {},
	"service/wg":        {"service/underlay", "installer/windows"},
	"store":             {"service/swap"},
	"web":               {"web/api", "build/version"},
	"service/engine":    {},
}

// faces are what the person touches: they know the service by its socket.
var faces = map[string][]string{
	"app/client":    {"web/api"},
	"app/notify":    {"installer/windows"},
	"app/prefs":     {},
	"app/autostart": {"installer/windows", "installer/macos"},
	"app/agent":     {"app/client", "app/prefs", "app/autostart", "web/api", "web/dist", "build/version"},
	// The way out of a guard whose service does not run must not need the service.
	"app/cli": {"app/client", "app/agent", "app/prefs", "web/api", "build/version", "service/lab", "service/demo", "service/daemon", "service/guard", "service/acl", "service/loader", "installer/linux", "installer/windows", "installer/macos"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// packages lists the module's packages as all systems together see them, so
// that an import in a file of one system is not overlooked on another.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-e", "-tags", "typecheck", "-json=ImportPath,Imports", "./...")
		cmd.Dir = ".."
		cmd.Env = append(cmd.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("list packages for %s: %v", goos, err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p pkg
			err := dec.Decode(&p)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(p.ImportPath, module)
			for _, imp := range p.Imports {
				if !slices.Contains(found[name], imp) {
					found[name] = append(found[name], imp)
				}
			}
		}
	}
	return found
}

func TestImports(t *testing.T) {
	all := packages(t)
	for name, imports := range all {
		may, isPure := pure[name]
		switch {
		case isPure:
			for _, imp := range imports {
				if own, ok := strings.CutPrefix(imp, module); ok {
					if !slices.Contains(may, own) {
						t.Errorf("%s is pure and imports %s, which is not below it", name, own)
					}
				} else if imp != "net/netip" && imp != "net/url" && (strings.Contains(imp, ".") || within(imp, impure)) {
					t.Errorf("%s is pure and imports %s", name, imp)
				}
			}
		case adapters[name] != nil:
			forbid(t, name, imports, adapters[name])
		case faces[name] != nil:
			forbid(t, name, imports, faces[name])
		}
		if name != "app/tray" && slices.Contains(imports, "fyne.io/systray") {
			t.Errorf("%s imports fyne.io/systray; only app/tray may", name)
		}
		if name != "store" && slices.Contains(imports, "github.com/mattn/go-sqlite3") {
			t.Errorf("%s imports go-sqlite3; only store may", name)
		}
	}
	for _, table := range []map[string][]string{pure, adapters, faces} {
		for name := range table {
			if _, ok := all[name]; !ok && exists(name) {
				t.Errorf("the rules name %s, which is no package", name)
			}
		}
	}
}

// forbid reports every package of ours that name imports beside the pure ones
// and those it may.
func forbid(t *testing.T, name string, imports, may []string) {
	t.Helper()
	for _, imp := range imports {
		own, ok := strings.CutPrefix(imp, module)
		if _, isPure := pure[own]; ok && !isPure && !slices.Contains(may, own) {
			t.Errorf("%s imports %s: an arrow that the design does not have", name, own)
		}
	}
}

// within says that an import is one of the roots or below one.
func within(imp string, roots []string) bool {
	for ; imp != "."; imp = path.Dir(imp) {
		if slices.Contains(roots, imp) {
			return true
		}
	}
	return false
}

func exists(name string) bool {
	return exec.Command("test", "-d", "../"+name).Run() == nil
}
