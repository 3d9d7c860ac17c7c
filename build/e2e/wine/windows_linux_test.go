package wine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
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

// end ends whatever runs in this Windows, and removes it.
func (c *computer) end() error {
	if c.awake != nil {
		_ = c.awake.Close()
	}
	var errs []error
	for _, how := range []string{"-k", "-w"} {
		cmd := exec.Command("wineserver", how)
		cmd.Env = c.env
		// Without a server of this Windows there is nothing to end.
		if err := cmd.Run(); err != nil && how == "-w" {
			errs = append(errs, fmt.Errorf("wineserver %s: %w", how, err))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Dir(c.dir)))...)
}

// result is what came of a program.
type result struct {
	code     int
	out, err string
}

// run runs a program to its end.
func (c *computer) run(t *testing.T, program string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
	defer cancel()
	cmd := c.command(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited || ctx.Err() != nil {
		t.Fatalf("%s %q: %v: %s%s", program, args, errors.Join(err, ctx.Err()), &stdout, &stderr)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
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
