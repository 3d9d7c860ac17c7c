package msi

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// loader is Wine itself; the script of this name in the search path only chooses
	// between 32 and 64 bits.
	loader   = "/usr/lib/wine/wine64"
	compiler = "x86_64-w64-mingw32-gcc"
	// commandWithin is far longer than any command takes on a busy machine.
	commandWithin = 3 * time.Minute
)

// windows is a Windows 10 of Wine's in a folder, which is removed with the test.
type windows struct {
	dir string
	env []string
}

// randomNumbers describes a library of which all that there is names a function of
// another one: Go's programs take random numbers from it, and Wine 8 has none.
const randomNumbers = "LIBRARY bcryptprimitives\nEXPORTS\n\tProcessPrng = advapi32.SystemFunction036\n"

func newWindows(t *testing.T) *windows {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-msi-")
	if err != nil {
		t.Fatal(err)
	}
	w := &windows{dir: filepath.Join(dir, "windows")}
	w.env = append(os.Environ(), "WINEPREFIX="+w.dir, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=d",
		"HOME="+dir, "DISPLAY=", "NO_COLOR=1", "HOLDFAST_SOCKET=")
	t.Cleanup(func() {
		w.shutDown()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	w.must(t, "wineboot", "--init")
	w.must(t, "winecfg", "-v", "win10")
	// Wine gives a service ten seconds to answer, in milliseconds; a busy machine is
	// slower. It reads that when it begins.
	w.must(t, "reg", "add", `HKLM\System\CurrentControlSet\Control`, "/v", "ServicesPipeTimeout", "/t", "REG_DWORD", "/d", "120000", "/f")
	w.shutDown()
	if lent := w.path("windows/system32/bcryptprimitives.dll"); errors.Is(exists(lent), fs.ErrNotExist) {
		exports := filepath.Join(dir, "bcryptprimitives.def")
		if err := os.WriteFile(exports, []byte(randomNumbers), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(compiler, "-shared", "-nostdlib", "-o", lent, exports).CombinedOutput(); err != nil {
			t.Fatalf("make bcryptprimitives.dll: %v\n%s", err, out)
		}
	}
	w.stayAwake(t)
	return w
}

// shutDown ends whatever runs in this Windows.
func (w *windows) shutDown() {
	for _, option := range []string{"-k", "-w"} {
		server := exec.Command("wineserver", option)
		server.Env = w.env
		_ = server.Run() // -k: there may be none any more
	}
}

// stayAwake keeps a process that does nothing: Wine ends its services with the last
// process of a person.
func (w *windows) stayAwake(t *testing.T) {
	t.Helper()
	sleeper := w.command(context.Background(), "cmd", "/q")
	in, err := sleeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(in.Close(), sleeper.Wait()) })
}

func (w *windows) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, loader, append([]string{program}, args...)...)
	cmd.Env = w.env
	return cmd
}

// path is that of a file on drive C, as Linux sees it.
func (w *windows) path(name string) string { return filepath.Join(w.dir, "drive_c", name) }

// run runs a program to its end, and returns its exit code, of which Linux gets the
// lowest eight bits, and what it said.
func (w *windows) run(t *testing.T, program string, args ...string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	cmd := w.command(ctx, program, args...)
	// Into a file: Wine's own processes, which the first program starts, would keep a
	// pipe open.
	out, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		t.Fatalf("%s %q: %v", program, args, errors.Join(err, ctx.Err()))
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.ReplaceAll(string(text), "\r", "")
}

// must runs a program, and wants that it ends well.
func (w *windows) must(t *testing.T, program string, args ...string) string {
	t.Helper()
	code, said := w.run(t, program, args...)
	if code != 0 {
		t.Fatalf("%s %q: exit code %d\n%s", program, args, code, said)
	}
	return said
}

// files are all on drive C.
func (w *windows) files(t *testing.T) []string {
	t.Helper()
	var all []string
	root := w.path("")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		all = append(all, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// exists is nil, or why a file cannot be looked at.
func exists(path string) error {
	_, err := os.Stat(path)
	return err
}
