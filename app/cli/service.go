package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// A manager is this system's keeper of services, asked to keep holdfastd. There
// is one implementation per system, made by newManager.
type manager interface {
	// Definition is the text that install writes, for the program at a path.
	Definition(program string) string
	// Install registers the program, and starts it now and at boot where start is set.
	Install(ctx context.Context, program string, start bool) error
	// Uninstall stops the service and removes what Install wrote, and nothing else.
	Uninstall(ctx context.Context) error
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	// Status never needs rights.
	Status(ctx context.Context) (managed, error)
}

// managed is what the keeper of services knows about holdfastd.
type managed struct {
	Installed bool   `json:"installed"`
	AtBoot    bool   `json:"atBoot"`
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
		use, short, done string
		do               func(manager, context.Context) error
	}{
		{"uninstall", "Stop holdfastd and remove it; tunnels and history stay", "uninstalled; tunnels and history were kept",
			manager.Uninstall},
		{"start", "Start holdfastd", "started", manager.Start},
		{"stop", "Stop holdfastd", "stopped", manager.Stop},
	} {
		c.AddCommand(&cobra.Command{
			Use: verb.use, Short: verb.short, Args: takes(0, 0),
			RunE: func(c *cobra.Command, _ []string) error {
				m, err := newManager(p)
				if err != nil {
					return err
				}
				if err := verb.do(m, c.Context()); err != nil {
					return err
				}
				return p.done(map[string]any{"done": verb.use}, "%s", verb.done)
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
		text := m.Definition(path)
		if p.json {
			return p.object(map[string]any{"program": path, "definition": text})
		}
		return p.say("%s", text)
	}
	if err := m.Install(ctx, path, start); err != nil {
		return err
	}
	return p.done(map[string]any{"done": "install", "program": path, "started": start}, "installed %s", path)
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
	return p.say("%s, installed, started %s\n", s.State, atBoot)
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
		// The name carries what the system adds to programs, such as ".exe".
		path := filepath.Join(filepath.Dir(self), "holdfastd"+filepath.Ext(self))
		if found, err := regular(path, hint); err == nil {
			return found, nil
		}
	}
	path, err := exec.LookPath("holdfastd")
	if err != nil {
		return "", failed(nil, hint, "find holdfastd: it is neither beside this program nor on the search path")
	}
	return regular(path, hint)
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
