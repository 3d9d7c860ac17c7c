package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

//go:embed holdfastd.service
var unitText string

// systemd keeps holdfastd as a unit. Its programs are named by absolute path and
// get an empty environment.
type systemd struct {
	unit      string // the unit file
	booted    string // exists where systemd runs the system
	systemctl string
	groupadd  string
	uid       int // of the person
}

func newManager(*program) (manager, error) {
	return &systemd{
		unit:      "/etc/systemd/system/holdfastd.service",
		booted:    "/run/systemd/system",
		systemctl: "/usr/bin/systemctl",
		groupadd:  "/usr/sbin/groupadd",
		uid:       os.Geteuid(),
	}, nil
}

// Definition implements manager.
func (s *systemd) Definition(program string) string {
	return strings.ReplaceAll(unitText, "@PROGRAM@", unitPath(program))
}

// unitPath writes a path as ExecStart reads it: quoted, with its specifiers and
// variables undone.
func unitPath(path string) string {
	if !strings.ContainsAny(path, " \t\"'\\%$;") {
		return path
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`)
	return `"` + r.Replace(path) + `"`
}

// Install implements manager.
func (s *systemd) Install(ctx context.Context, program string, start bool) error {
	if err := s.mayChange("install"); err != nil {
		return err
	}
	if err := onlyRootWrites(program); err != nil {
		return failed(err, "put it where only root may write: install -m 755 holdfastd /usr/local/bin/",
			"install %s", program)
	}
	if err := s.makeGroup(ctx); err != nil {
		return err
	}
	if err := writeUnit(s.unit, s.Definition(program)); err != nil {
		return failed(err, "", "install")
	}
	if err := s.ask(ctx, "daemon-reload"); err != nil {
		return err
	}
	args := []string{"enable", filepath.Base(s.unit)}
	if start {
		args = []string{"enable", "--now", filepath.Base(s.unit)}
	}
	return s.ask(ctx, args...)
}

// Uninstall implements manager.
func (s *systemd) Uninstall(ctx context.Context) error {
	if err := s.mayChange("uninstall"); err != nil {
		return err
	}
	if err := s.installed(); err != nil {
		return err
	}
	if err := s.ask(ctx, "disable", "--now", filepath.Base(s.unit)); err != nil {
		return err
	}
	if err := os.Remove(s.unit); err != nil {
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
	return s.ask(ctx, verb, filepath.Base(s.unit))
}

// Status implements manager.
func (s *systemd) Status(ctx context.Context) (managed, error) {
	if err := s.runs(); err != nil {
		return managed{}, err
	}
	name := filepath.Base(s.unit)
	out, err := s.command(ctx, "show", "--property=LoadState,ActiveState,UnitFileState", name).Output()
	if err != nil {
		return managed{}, failed(err, "", "ask systemd")
	}
	value := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		value[k] = v
	}
	return managed{
		Installed: value["LoadState"] == "loaded",
		AtBoot:    value["UnitFileState"] == "enabled",
		Running:   value["ActiveState"] == "active",
		State:     value["ActiveState"],
	}, nil
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
	if _, err := os.Stat(s.unit); errors.Is(err, fs.ErrNotExist) {
		return &failure{
			code: exitNotFound, message: "holdfastd is not installed as a service",
			hint: "install it with: holdfast service install",
		}
	}
	return nil
}

// makeGroup makes the group whose members may use the service, where it is missing.
func (s *systemd) makeGroup(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.groupadd, "--system", "--force", "holdfast")
	cmd.Env = []string{}
	if out, err := cmd.CombinedOutput(); err != nil {
		return failed(err, firstLine(out), "make the group holdfast")
	}
	return nil
}

func (s *systemd) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.systemctl, args...)
	cmd.Env = []string{"SYSTEMD_COLORS=0"}
	return cmd
}

func (s *systemd) ask(ctx context.Context, args ...string) error {
	if out, err := s.command(ctx, args...).CombinedOutput(); err != nil {
		return failed(err, "see: journalctl -u "+filepath.Base(s.unit), "systemctl %s: %s",
			strings.Join(args, " "), firstLine(out))
	}
	return nil
}

func firstLine(out []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return string(line)
}

// onlyRootWrites refuses a program that somebody else could replace: systemd
// would run it as root.
func onlyRootWrites(path string) error {
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 {
			return fmt.Errorf("%s does not belong to root", at)
		}
		// Others may write in /tmp, but with the sticky bit not replace what is
		// root's. Debian lets its group staff, which it deems root's equal, write
		// below /usr/local; the groups below 100 are the distribution's own.
		open := info.Mode()&0o002 != 0 || info.Mode()&0o020 != 0 && stat.Gid >= 100
		if open && (!info.IsDir() || info.Mode()&os.ModeSticky == 0) {
			return fmt.Errorf("others than root may write %s", at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// writeUnit puts the text in place at once: systemd never sees half of it.
func writeUnit(path, text string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".holdfastd-*")
	if err != nil {
		return fmt.Errorf("write unit: %w", err)
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it is gone after the rename
	_, err = temp.WriteString(text)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write unit: %w", err)
	}
	return nil
}
