//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"holdfast/installer/macos"
)

// launchd keeps holdfastd on a Mac, as a job of the system. Its program is named by
// absolute path and gets an empty environment.
type launchd struct {
	plist     string
	home      string // the folder of tunnels, with that of the programs in it
	logs      string // the folder of the log
	launchctl string
	uid       int // of the person
	// isRoots says that the members of a group are as good as root.
	isRoots func(gid uint32) bool
	// leaveWithin bounds the wait for a job that was told to end, which may take its
	// time; it is asked every leaveEvery.
	leaveWithin, leaveEvery time.Duration
}

// job is the service as launchctl names it.
const job = "system/" + macos.Label

// Files implements manager.
func (l *launchd) Files(program string) []serviceFile {
	return []serviceFile{{l.plist, macos.PlistText(program)}}
}

// Install implements manager. A job that is there is taken away first: launchd reads
// its file only when it begins.
func (l *launchd) Install(ctx context.Context, program string, start bool) error {
	if err := l.mayChange("install"); err != nil {
		return err
	}
	if err := onlyRootWrites(program, l.isRoots); err != nil {
		return failed(err, `put it where only root may write, such as "`+macos.Programs+`"`, "install %s", program)
	}
	if err := errors.Join(os.MkdirAll(l.logs, 0o700), hideNames(l.home, program)); err != nil {
		return failed(err, "", "install")
	}
	for _, f := range l.Files(program) {
		if err := writeFile(f); err != nil {
			return failed(err, "", "install")
		}
	}
	if err := l.ask(ctx, "enable", job); err != nil || !start {
		return err
	}
	if err := l.leave(ctx); err != nil {
		return err
	}
	return l.ask(ctx, "bootstrap", "system", l.plist)
}

// hideNames lets everybody pass through a folder to a program in it, and nobody list
// what is there: the names of tunnels. One that is not there the service makes for
// itself alone.
func hideNames(dir, program string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mode := info.Mode().Perm() &^ 0o066
	if strings.HasPrefix(program, dir+"/") {
		mode |= 0o011
	}
	return os.Chmod(dir, mode)
}

// Uninstall implements manager.
func (l *launchd) Uninstall(ctx context.Context) error {
	if err := l.mayChange("uninstall"); err != nil {
		return err
	}
	if err := l.installed(); err != nil {
		return err
	}
	if err := l.leave(ctx); err != nil {
		return err
	}
	if err := os.Remove(l.plist); err != nil {
		return failed(err, "", "uninstall")
	}
	return nil
}

// Start implements manager.
func (l *launchd) Start(ctx context.Context) error {
	if err := l.mayChange("start"); err != nil {
		return err
	}
	if err := l.installed(); err != nil {
		return err
	}
	if _, there := l.look(ctx); there {
		return l.ask(ctx, "kickstart", job)
	}
	if err := l.ask(ctx, "enable", job); err != nil {
		return err
	}
	return l.ask(ctx, "bootstrap", "system", l.plist)
}

// Stop implements manager: a job that is only told to end is started again, so it is
// taken away until the next boot or start.
func (l *launchd) Stop(ctx context.Context) error {
	if err := l.mayChange("stop"); err != nil {
		return err
	}
	if err := l.installed(); err != nil {
		return err
	}
	return l.leave(ctx)
}

// Status implements manager.
func (l *launchd) Status(ctx context.Context) (managed, error) {
	m := managed{Installed: l.installed() == nil, State: "not loaded"}
	if text, there := l.look(ctx); there {
		m.State = jobState(text)
		m.Running = m.State == "running"
	}
	out, err := l.command(ctx, "print-disabled", "system").Output()
	if err != nil {
		return managed{}, failed(err, "", "ask launchd")
	}
	m.AtBoot = m.Installed && !isDisabled(string(out))
	return m, nil
}

// jobState is the state in what launchctl prints of a job, which stands before the
// states of what belongs to it.
func jobState(text string) string {
	for line := range strings.Lines(text) {
		if state, found := strings.CutPrefix(strings.TrimSpace(line), "state = "); found {
			return state
		}
	}
	return "unknown"
}

// isDisabled says that launchctl lists the job among those that do not begin by
// themselves. Its word for that was "true" before it was "disabled".
func isDisabled(text string) bool {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), `"`+macos.Label+`" => `); found {
			return value == "disabled" || value == "true"
		}
	}
	return false
}

// look returns what launchctl prints of the job, and whether there is one.
func (l *launchd) look(ctx context.Context) (string, bool) {
	out, err := l.command(ctx, "print", job).Output()
	return string(out), err == nil
}

// leave takes the job away, where there is one, and waits until it has ended.
func (l *launchd) leave(ctx context.Context) error {
	if _, there := l.look(ctx); !there {
		return nil
	}
	// It may say that it is still at work; what counts is that the job goes.
	bootout := l.ask(ctx, "bootout", job)
	ctx, cancel := context.WithTimeout(ctx, l.leaveWithin)
	defer cancel()
	again := time.NewTicker(l.leaveEvery)
	defer again.Stop()
	for {
		if _, there := l.look(ctx); !there && ctx.Err() == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if bootout != nil {
				return bootout
			}
			return failed(ctx.Err(), "see: "+macos.Logs, "stop the service: launchd still has it")
		case <-again.C:
		}
	}
}

func (l *launchd) mayChange(verb string) error {
	if l.uid != 0 {
		return &failure{
			code:    exitNotPermitted,
			message: "only root may " + verb + " the service",
			hint:    "try: " + asRoot("holdfast service "+verb),
		}
	}
	return nil
}

func (l *launchd) installed() error {
	if _, err := os.Stat(l.plist); errors.Is(err, fs.ErrNotExist) {
		return &failure{
			code: exitNotFound, message: "holdfastd is not installed as a service",
			hint: "install it with: holdfast service install",
		}
	}
	return nil
}

func (l *launchd) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.launchctl, args...)
	cmd.Env = []string{}
	return cmd
}

// ask has launchctl do something.
func (l *launchd) ask(ctx context.Context, args ...string) error {
	if out, err := l.command(ctx, args...).CombinedOutput(); err != nil {
		return failed(err, fmt.Sprintf("see: log show --last 5m --predicate 'process == \"launchd\"', and %s", macos.Logs),
			"launchctl %s: %s", strings.Join(args, " "), firstLine(out))
	}
	return nil
}
