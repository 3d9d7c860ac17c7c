package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// A manager is this system's keeper of services, asked to keep holdfastd. There
// is one implementation per system, made by newManager.
type manager interface {
	// Files are what install writes, for the program at a path. The last one is
	// the service's own.
	Files(program string) []serviceFile
	// Install registers the program, and starts it now and at boot where start is set.
	Install(ctx context.Context, program string, start bool) error
	// Uninstall stops the service and removes what Install wrote, and nothing else.
	Uninstall(ctx context.Context) error
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	// Status never needs rights.
	Status(ctx context.Context) (managed, error)
}

// serviceFile is a file by which the keeper of services knows what to keep.
type serviceFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// managed is what the keeper of services knows about holdfastd.
type managed struct {
	Installed bool `json:"installed"`
	AtBoot    bool `json:"atBoot"`
	// EarlyBoot says that the guard is shut before the network comes up.
	EarlyBoot bool   `json:"earlyBoot"`
	Running   bool   `json:"running"`
	State     string `json:"state"` // the keeper's own word
}

// newService installs and controls holdfastd. Unlike the other commands it asks
// the system's keeper of services, not the service.
func newService(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "service",
		Short:   "Install and control holdfastd on this system",
		GroupID: groupService,
	}
	c.AddCommand(newServiceInstall(p))
	for _, verb := range []struct {
		use, short string
		do         func(*program, context.Context, manager) error
	}{
		{"uninstall", "Stop holdfastd, open the guard and remove the service; tunnels and history stay", (*program).serviceUninstall},
		{"start", "Start holdfastd", (*program).serviceStart},
		{"stop", "Stop holdfastd; the guard stays shut while a tunnel is wished for", (*program).serviceStop},
	} {
		c.AddCommand(&cobra.Command{
			Use: verb.use, Short: verb.short, Args: takes(0, 0),
			RunE: func(c *cobra.Command, _ []string) error {
				m, err := newManager(p)
				if err != nil {
					return err
				}
				return verb.do(p, c.Context(), m)
			},
		})
	}
	c.AddCommand(&cobra.Command{
		Use: "status", Short: "Say whether holdfastd is installed and running", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return p.serviceStatus(c.Context()) },
	})
	return c
}

func newServiceInstall(p *program) *cobra.Command {
	var dryRun, noStart bool
	var path string
	c := &cobra.Command{
		Use: "install [--program PATH] [--no-start] [--dry-run]", Short: "Have holdfastd run now and at every boot",
		Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.serviceInstall(c.Context(), path, !noStart, dryRun)
		},
	}
	c.Flags().StringVar(&path, "program", "", "the `path` of holdfastd (default: beside this program, else a system folder)")
	c.Flags().BoolVar(&noStart, "no-start", false, "only register it: it starts at the next boot")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be written, and change nothing")
	return c
}

func (p *program) serviceInstall(ctx context.Context, path string, start, dryRun bool) error {
	m, err := newManager(p)
	if err != nil {
		return err
	}
	if path, err = findProgram(path); err != nil {
		return err
	}
	if dryRun {
		files := m.Files(path)
		if p.json {
			return p.object(map[string]any{"program": path, "definition": files[len(files)-1].Text, "files": files})
		}
		for _, f := range files {
			if err := p.say("# %s\n%s\n", f.Path, f.Text); err != nil {
				return err
			}
		}
		return nil
	}
	if err := m.Install(ctx, path, start); err != nil {
		return err
	}
	return p.done(map[string]any{"done": "install", "program": path, "started": start}, "installed %s", path)
}

func (p *program) serviceStart(ctx context.Context, m manager) error {
	if err := m.Start(ctx); err != nil {
		return err
	}
	return p.done(map[string]any{"done": "start"}, "started")
}

// serviceStop says so where the guard stays shut: what uses the network then
// waits for the service.
func (p *program) serviceStop(ctx context.Context, m manager) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	shut := p.stillShut()
	text := "stopped"
	if shut {
		text += "; the guard stays shut, since a tunnel is wished for: open it with " + asRoot("holdfast guard release")
	}
	return p.done(map[string]any{"done": "stop", "guardShut": shut}, "%s", text)
}

// serviceUninstall leaves nothing in force of which nobody would know any more: a
// service that was killed may have left more than the guard, such as resolvers that
// only the tunnel reaches.
func (p *program) serviceUninstall(ctx context.Context, m manager) error {
	if err := m.Uninstall(ctx); err != nil {
		return err
	}
	shut := p.stillShut()
	text, left := "uninstalled; tunnels and history were kept", "something of the network may not be as it was"
	if shut {
		left = "the guard is still shut"
	}
	err := p.release(ctx, defaultConfigDir, defaultStateDir)
	if err != nil && (shut || !errors.Is(err, errors.ErrUnsupported)) {
		return failed(err, "try: "+asRoot("holdfast guard release"), "uninstalled, but %s", left)
	}
	if shut {
		text += "\nthe guard was shut, and is open now: traffic passes without protection"
	}
	return p.done(map[string]any{"done": "uninstall", "guardReleased": shut}, "%s", text)
}

// stillShut says whether the guard keeps something in without the service. Where
// that cannot be seen, it may; a system that has no guard keeps nothing in.
func (p *program) stillShut() bool {
	shut, err := p.shut()
	return shut || err != nil && !errors.Is(err, errors.ErrUnsupported)
}

func (p *program) serviceStatus(ctx context.Context) error {
	m, err := newManager(p)
	if err != nil {
		return err
	}
	s, err := m.Status(ctx)
	if err != nil {
		return err
	}
	if p.json {
		return p.object(s)
	}
	if !s.Installed {
		return p.say("not installed\n")
	}
	atBoot := "not at boot"
	if s.AtBoot {
		atBoot = "at boot"
	}
	early := "guard not shut before the network"
	if s.EarlyBoot {
		early = "guard shut before the network"
	}
	return p.say("%s, installed, started %s, %s\n", s.State, atBoot, early)
}

// findProgram is the path of holdfastd: the one that was given, the one beside
// this program, or the first one on the search path.
func findProgram(given string) (string, error) {
	hint := "say where it is: holdfast service install --program PATH"
	if given != "" {
		path, err := filepath.Abs(given)
		if err != nil {
			return "", failed(err, hint, "find holdfastd")
		}
		return regular(path, hint)
	}
	if self, err := os.Executable(); err == nil {
		if found, err := regular(beside(self), hint); err == nil {
			return found, nil
		}
	}
	path, err := exec.LookPath("holdfastd")
	if err != nil {
		return "", failed(nil, hint, "find holdfastd: it is neither beside this program nor on the search path")
	}
	return regular(path, hint)
}

// beside is where holdfastd is where this program is the one at self, which on some
// systems is a link to it, as it was called.
func beside(self string) string {
	if target, err := filepath.EvalSymlinks(self); err == nil {
		self = target
	}
	// The name carries what the system adds to programs, such as ".exe".
	return filepath.Join(filepath.Dir(self), "holdfastd"+filepath.Ext(self))
}

// regular follows links to the file that would really be run.
func regular(path, hint string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", failed(err, hint, "find holdfastd")
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", failed(err, hint, "find holdfastd")
	}
	if !info.Mode().IsRegular() {
		return "", failed(nil, hint, "find holdfastd: %s is not a file", path)
	}
	return path, nil
}
