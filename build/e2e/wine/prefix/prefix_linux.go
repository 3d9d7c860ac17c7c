package prefix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// Loader is Wine itself; the script of this name in the search path only chooses
	// between 32 and 64 bits.
	Loader = "/usr/lib/wine/wine64"
	// Compiler makes programs for Windows of C.
	Compiler = "x86_64-w64-mingw32-gcc"
	// Within is far longer than any command takes on a busy machine.
	Within = 3 * time.Minute
)

// Missing is the first program of Linux that New needs, or one of these, which is not
// there. "": all are.
func Missing(others ...string) string {
	for _, program := range append([]string{Loader, Compiler, "wineserver"}, others...) {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// Prefix is a Windows that says it is version 7, which is also how Wine's pipes behave:
// they swallow the first caller. It shows nothing of the person's folders and screen.
type Prefix struct {
	// Dir is Wine's folder, Tools one beside it for what only the tests need.
	Dir, Tools string
	// Wine is what tells Wine's programs of this Windows; Env is all that they are told.
	Wine, Env []string
	// awake is the input of a process that never does anything: Wine ends its services
	// with the last process of a person.
	awake io.Closer
	// guardian ends this Windows when alive is closed.
	guardian *exec.Cmd
	alive    io.Closer
}

// New makes a Windows and keeps it running until End.
func New() (*Prefix, error) {
	dir, err := os.MkdirTemp("", "holdfast-wine-")
	if err != nil {
		return nil, err
	}
	p := &Prefix{Dir: filepath.Join(dir, "windows"), Tools: filepath.Join(dir, "tools")}
	// Nothing is put into the person's menu, nobody is asked to install what Holdfast
	// does not use, and the folder that Wine's server leaves behind goes with ours.
	p.Wine = []string{"WINEPREFIX=" + p.Dir, "TMPDIR=" + p.Tools, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe=d"}
	p.Env = append(append(os.Environ(), p.Wine...), "HOME="+dir, "DISPLAY=", "NO_COLOR=1", "HOLDFAST_SOCKET=")
	if err := errors.Join(os.Mkdir(p.Tools, 0o755), p.guard(dir)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for _, step := range []func() error{p.make, p.lend, p.stayAwake} {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("make a Windows: %w", err), p.End())
		}
	}
	return p, nil
}

// guard starts what ends this Windows, and removes it, when the tests have ended,
// however they did.
func (p *Prefix) guard(dir string) (err error) {
	p.guardian = exec.Command("sh", "-c", `cat; wineserver -k; wineserver -w; rm -rf "$0"`, dir)
	p.guardian.Env = p.Env
	p.guardian.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the tests
	if p.alive, err = p.guardian.StdinPipe(); err != nil {
		return err
	}
	return p.guardian.Start()
}

// End ends whatever runs in this Windows, and removes it.
func (p *Prefix) End() error {
	if p.awake != nil {
		_ = p.awake.Close()
	}
	_ = p.alive.Close()
	return p.guardian.Wait()
}

func (p *Prefix) make() error {
	for _, args := range [][]string{
		{"wineboot", "--init"},
		// Wine gives a service ten seconds to answer, in milliseconds; a busy machine
		// is slower. It reads that when it begins.
		{"reg", "add", `HKLM\System\CurrentControlSet\Control`, "/v", "ServicesPipeTimeout", "/t", "REG_DWORD", "/d", "120000", "/f"},
	} {
		r, err := p.Run(args[0], args[1:]...)
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("%q: exit code %d: %s%s", args, r.Code, r.Out, r.Err)
		}
		if err != nil {
			return err
		}
	}
	for _, option := range []string{"-k", "-w"} {
		server := exec.Command("wineserver", option)
		server.Env = p.Env
		_ = server.Run() // -k: there may be none any more
	}
	return nil
}

// randomNumbers describes a library of which all that there is names a function of
// another one.
const randomNumbers = "LIBRARY bcryptprimitives\nEXPORTS\n\tProcessPrng = advapi32.SystemFunction036\n"

// lend gives Windows the library from which Go's programs take random numbers, where
// this Wine has none.
func (p *Prefix) lend() error {
	dll := p.Path("drive_c/windows/system32/bcryptprimitives.dll")
	if _, err := os.Stat(dll); err == nil {
		return nil
	}
	exports := filepath.Join(p.Tools, "bcryptprimitives.def")
	if err := os.WriteFile(exports, []byte(randomNumbers), 0o600); err != nil {
		return err
	}
	if out, err := exec.Command(Compiler, "-shared", "-nostdlib", "-o", dll, exports).CombinedOutput(); err != nil {
		return fmt.Errorf("make bcryptprimitives.dll: %w: %s", err, out)
	}
	return nil
}

func (p *Prefix) stayAwake() (err error) {
	sleeper := p.Command(context.Background(), "cmd", "/q")
	if p.awake, err = sleeper.StdinPipe(); err != nil {
		return err
	}
	return sleeper.Start()
}

// Path is that of a file of this Windows, as Linux sees it.
func (p *Prefix) Path(parts ...string) string {
	return filepath.Join(append([]string{p.Dir}, parts...)...)
}

// Command prepares a program of Windows, named as either system does.
func (p *Prefix) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, Loader, append([]string{program}, args...)...)
	cmd.Env = p.Env
	return cmd
}

// Result is what came of a program.
type Result struct {
	Code     int // of which Linux gets the lowest eight bits
	Out, Err string
}

// Run runs a program to its end, whatever its exit code. An error says that it did not
// begin, or not end within Within.
func (p *Prefix) Run(program string, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Within)
	defer cancel()
	cmd := p.Command(ctx, program, args...)
	// Into files: Wine's own processes, which the first program starts, would keep
	// pipes open.
	dir, err := os.MkdirTemp(p.Tools, "said")
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stdout, errOut := os.Create(filepath.Join(dir, "out"))
	stderr, errErr := os.Create(filepath.Join(dir, "err"))
	if err := errors.Join(errOut, errErr); err != nil {
		return Result{}, err
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ran := errors.Join(cmd.Run(), stdout.Close(), stderr.Close())
	out, errOut := os.ReadFile(stdout.Name())
	said, errErr := os.ReadFile(stderr.Name())
	if err := errors.Join(errOut, errErr); err != nil {
		return Result{}, err
	}
	if _, exited := errors.AsType[*exec.ExitError](ran); ran != nil && !exited || ctx.Err() != nil {
		return Result{}, fmt.Errorf("%s %q: %w: %s%s", program, args, errors.Join(ran, ctx.Err()), out, said)
	}
	return Result{cmd.ProcessState.ExitCode(), string(out), string(said)}, nil
}
