package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/installer/linux"
)

// systemd keeps holdfastd as a unit, and beside it the one that shuts the guard
// before the network comes up. Its programs are named by absolute path and get an
// empty environment.
type systemd struct {
	units     string // the folder of units that are written here
	packaged  string // the folder of those that packages bring
	groups    string // the folder of sysusers.d(5)
	booted    string // exists where systemd runs the system
	systemctl string
	sysusers  string
	uid       int // of the person
}

func newManager(*program) (manager, error) {
	return &systemd{
		units:     "/etc/systemd/system",
		packaged:  "/usr/lib/systemd/system",
		groups:    "/etc/sysusers.d",
		booted:    "/run/systemd/system",
		systemctl: "/usr/bin/systemctl",
		sysusers:  "/usr/bin/systemd-sysusers",
		uid:       os.Geteuid(),
	}, nil
}

// Files implements manager.
func (s *systemd) Files(program string) []serviceFile {
	return []serviceFile{
		{filepath.Join(s.groups, linux.Group), linux.Text(linux.Group, program)},
		{filepath.Join(s.units, linux.EarlyBoot), linux.Text(linux.EarlyBoot, program)},
		{s.unit(), linux.Text(linux.Service, program)},
	}
}

// unit is the file whose being there means that the service is installed.
func (s *systemd) unit() string { return filepath.Join(s.units, linux.Service) }

// Install implements manager. A service that runs is started anew, so that it is
// the program that was installed.
func (s *systemd) Install(ctx context.Context, program string, start bool) error {
	if err := s.mayChange("install"); err != nil {
		return err
	}
	if err := errors.Join(onlyRootWrites(program, belongsToRoot), runnable(program)); err != nil {
		return failed(err, "put it where only root may write: install -m 755 holdfastd /usr/local/bin/",
			"install %s", program)
	}
	if !s.carried(program) {
		for _, f := range s.Files(program) {
			if err := writeFile(f); err != nil {
				return failed(err, "", "install")
			}
		}
		if err := s.run(ctx, s.sysusers, filepath.Join(s.groups, linux.Group)); err != nil {
			return err
		}
	}
	if err := s.ask(ctx, "daemon-reload"); err != nil {
		return err
	}
	if err := s.ask(ctx, "enable", linux.Service, linux.EarlyBoot); err != nil || !start {
		return err
	}
	return s.ask(ctx, "restart", linux.Service)
}

// carried says that a package has brought the files for this program. Written
// here as well, they would hide what its next release brings.
func (s *systemd) carried(program string) bool {
	text, err := os.ReadFile(filepath.Join(s.packaged, linux.Service))
	return err == nil && string(text) == linux.Text(linux.Service, program)
}

// Uninstall implements manager. The group stays: files may belong to it.
func (s *systemd) Uninstall(ctx context.Context) error {
	if err := s.mayChange("uninstall"); err != nil {
		return err
	}
	if err := s.installed(); err != nil {
		return err
	}
	if !exists(s.unit()) {
		return failed(nil, "remove the package: sudo apt remove holdfast, or sudo dnf remove holdfast", "a package has installed the service")
	}
	// An installation of before there was the second unit has only one.
	for _, unit := range []string{linux.EarlyBoot, linux.Service} {
		path := filepath.Join(s.units, unit)
		if !exists(path) {
			continue
		}
		if err := s.ask(ctx, "disable", "--now", unit); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return failed(err, "", "uninstall")
		}
	}
	if err := os.Remove(filepath.Join(s.groups, linux.Group)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err, "", "uninstall")
	}
	return s.ask(ctx, "daemon-reload")
}

// Start implements manager.
func (s *systemd) Start(ctx context.Context) error { return s.change(ctx, "start") }

// Stop implements manager.
func (s *systemd) Stop(ctx context.Context) error { return s.change(ctx, "stop") }

func (s *systemd) change(ctx context.Context, verb string) error {
	if err := s.mayChange(verb); err != nil {
		return err
	}
	if err := s.installed(); err != nil {
		return err
	}
	return s.ask(ctx, verb, linux.Service)
}

// Status implements manager.
func (s *systemd) Status(ctx context.Context) (managed, error) {
	if err := s.runs(); err != nil {
		return managed{}, err
	}
	out, err := s.command(ctx, s.systemctl, "show", "--property=LoadState,ActiveState,UnitFileState",
		linux.Service, linux.EarlyBoot).Output()
	if err != nil {
		return managed{}, failed(err, "", "ask systemd")
	}
	// An empty line stands between the units, which are in the order of the question.
	service, early, _ := strings.Cut(string(out), "\n\n")
	of := properties(service)
	return managed{
		Installed: of["LoadState"] == "loaded",
		AtBoot:    of["UnitFileState"] == "enabled",
		EarlyBoot: properties(early)["UnitFileState"] == "enabled",
		Running:   of["ActiveState"] == "active",
		State:     of["ActiveState"],
	}, nil
}

// properties reads what systemctl show says of a unit.
func properties(text string) map[string]string {
	value := make(map[string]string)
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		value[k] = v
	}
	return value
}

// runs says whether systemd keeps this system's services.
func (s *systemd) runs() error {
	if _, err := os.Stat(s.booted); err != nil {
		return failed(nil, "run it by hand instead: holdfastd run", "systemd does not run this system")
	}
	return nil
}

func (s *systemd) mayChange(verb string) error {
	if err := s.runs(); err != nil {
		return err
	}
	if s.uid != 0 {
		return &failure{
			code:    exitNotPermitted,
			message: "only root may " + verb + " the service",
			hint:    "try: sudo holdfast service " + verb,
		}
	}
	return nil
}

func (s *systemd) installed() error {
	if !exists(s.unit()) && !exists(filepath.Join(s.packaged, linux.Service)) {
		return &failure{
			code: exitNotFound, message: "holdfastd is not installed as a service",
			hint: "install it with: holdfast service install",
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (s *systemd) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"SYSTEMD_COLORS=0"}
	return cmd
}

// ask has systemctl do something.
func (s *systemd) ask(ctx context.Context, args ...string) error {
	return s.run(ctx, s.systemctl, args...)
}

func (s *systemd) run(ctx context.Context, path string, args ...string) error {
	if out, err := s.command(ctx, path, args...).CombinedOutput(); err != nil {
		return failed(err, "see: journalctl -u "+linux.Service, "%s %s: %s",
			filepath.Base(path), strings.Join(args, " "), firstLine(out))
	}
	return nil
}

// belongsToRoot says that the members of a group are as good as root: Debian lets
// its group staff write below /usr/local, and the groups below 100 are the
// distribution's own.
func belongsToRoot(gid uint32) bool { return gid < 100 }

// unseen are the folders that the units hide, or run nothing from.
var unseen = []string{"/etc", "/home", "/root", "/run", "/tmp", "/var"}

// runnable refuses a program that the units would not find.
func runnable(path string) error {
	for _, dir := range unseen {
		if strings.HasPrefix(path, dir+"/") {
			return fmt.Errorf("the service runs nothing from %s", dir)
		}
	}
	return nil
}
