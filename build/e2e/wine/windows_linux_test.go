package wine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// loader is Wine itself; the script of this name in the search path only
	// chooses between 32 and 64 bits.
	loader = "/usr/lib/wine/wine64"
	// home is where the programs are installed, as Windows and as Linux see it.
	home       = `C:\Program Files\Holdfast`
	homeFolder = "drive_c/Program Files/Holdfast"
	// commandWithin is far longer than any command takes on a busy machine.
	commandWithin = 2 * time.Minute
)

// computer is a Windows: a folder of Wine's, with the programs.
type computer struct {
	dir string // Wine's folder
	// tools is a folder for what only the tests need.
	tools string
	// overlay is the file that tells the go command of Go's mended library.
	overlay string
	// wine is what tells Wine's programs of this Windows; env is all that they are told.
	wine, env []string
	// awake is the input of a process that never does anything: Wine ends its
	// services with the last process of a person.
	awake io.Closer
	// guardian ends this Windows when alive is closed.
	guardian *exec.Cmd
	alive    io.Closer
}

// theComputer is made for the first test that asks for it and ends with TestMain.
var theComputer = sync.OnceValues(newComputer)

// made says whether there is a computer to end.
var made bool

func TestMain(m *testing.M) {
	code := m.Run()
	if made {
		if c, err := theComputer(); err == nil {
			if err := c.end(); err != nil {
				fmt.Fprintln(os.Stderr, "end Wine:", err)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// start returns the computer, or skips the test where there can be none. needs
// are the further programs of Linux that the test wants.
func start(t *testing.T, needs ...string) *computer {
	t.Helper()
	for _, program := range append([]string{loader, compiler, "wineserver"}, needs...) {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	made = true
	c, err := theComputer()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newComputer() (*computer, error) {
	dir, err := os.MkdirTemp("", "holdfast-wine-")
	if err != nil {
		return nil, err
	}
	c := &computer{dir: filepath.Join(dir, "windows"), tools: filepath.Join(dir, "tools")}
	// Nothing is put into the person's menu, and nobody is asked to install what
	// Holdfast does not use.
	c.wine = []string{"WINEPREFIX=" + c.dir, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=d"}
	// This Windows shows nothing of the person's folders.
	c.env = append(append(os.Environ(), c.wine...), "HOME="+dir, "DISPLAY=", "NO_COLOR=1", "HOLDFAST_SOCKET=")
	if err := c.guard(); err != nil {
		return nil, err
	}
	if err := c.make(); err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

// make installs Windows and the programs, and keeps Windows running.
func (c *computer) make() error {
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	if out, err := c.command(ctx, "wineboot", "--init").CombinedOutput(); err != nil {
		return fmt.Errorf("make a Windows: %w: %s", err, out)
	}
	if err := c.lend(); err != nil {
		return err
	}
	for _, dir := range []string{c.tools, c.path(homeFolder)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := c.build(); err != nil {
		return err
	}
	sleeper := c.command(context.Background(), "cmd", "/q")
	in, err := sleeper.StdinPipe()
	if err != nil {
		return err
	}
	c.awake = in
	return sleeper.Start()
}

// path is that of a file of this Windows, as Linux sees it.
func (c *computer) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

// command prepares a program of Windows, named as either system does.
func (c *computer) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, loader, append([]string{program}, args...)...)
	cmd.Env = c.env
	return cmd
}

// guard starts what ends this Windows, and removes it, when the tests have ended,
// however they did.
func (c *computer) guard() (err error) {
	c.guardian = exec.Command("sh", "-c", `cat; wineserver -k; wineserver -w; rm -rf "$0"`, filepath.Dir(c.dir))
	c.guardian.Env = c.env
	c.guardian.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the tests
	if c.alive, err = c.guardian.StdinPipe(); err != nil {
		return err
	}
	return c.guardian.Start()
}

// end ends whatever runs in this Windows, and removes it.
func (c *computer) end() error {
	_ = c.alive.Close()
	return c.guardian.Wait()
}

// result is what came of a program.
type result struct {
	code     int
	out, err string
}

// run runs a program to its end.
func (c *computer) run(t *testing.T, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	cmd := c.command(ctx, program, args...)
	// Into files: Wine's own processes, which the first program starts, would keep
	// pipes open.
	stdout, stderr := c.file(t), c.file(t)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	r := result{cmd.ProcessState.ExitCode(), reread(t, stdout), reread(t, stderr)}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		t.Fatalf("%s %q: %v: %s%s", program, args, errors.Join(err, ctx.Err()), r.out, r.err)
	}
	return r
}

func (c *computer) file(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(c.tools, "said")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// reread is what a file has, which is closed and removed.
func reread(t *testing.T, f *os.File) string {
	t.Helper()
	text, err := os.ReadFile(f.Name())
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holdfast runs the command line to its end.
func (c *computer) holdfast(t *testing.T, args ...string) result {
	t.Helper()
	return c.run(t, home+`\holdfast.exe`, args...)
}

// must runs the command line, and wants that it ends well.
func (c *computer) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.holdfast(t, args...)
	if r.code != 0 {
		t.Fatalf("holdfast %q: got exit code %d: %s%s", args, r.code, r.out, r.err)
	}
	return r.out
}

// until asks until the answer is yes.
func until(t *testing.T, what string, within time.Duration, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ask(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", within, what)
		}
	}
}
