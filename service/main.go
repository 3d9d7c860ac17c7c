// Holdfastd is the service: it runs the tunnels and keeps them working. It
// wires everything and decides nothing; see package daemon.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"holdfast/build/version"
	"holdfast/service/daemon"
	"holdfast/service/host"
)

// Exit codes of the service; those of starting are daemon.ExitCode's.
const (
	failed = 1
	usage  = 2
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	opt := defaults
	var level slog.Level
	var started host.Options
	root := &cobra.Command{
		Use: "holdfastd", Short: "The Holdfast service",
		Version: version.Version, SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	serve := &cobra.Command{
		Use: "run", Short: "Run the service until it is told to stop", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return serve(opt, level, started) },
	}
	all := root.PersistentFlags()
	all.StringVar(&opt.ConfigDir, "config-dir", opt.ConfigDir, "folder of the tunnels and holdfast.toml")
	all.StringVar(&opt.StateDir, "state-dir", opt.StateDir, "folder of the history and the wish")
	all.StringVar(&opt.Interface, "interface", opt.Interface, "name of the tunnel's interface")
	all.TextVar(&level, "log-level", slog.LevelInfo, "what to log: debug, info, warn or error")
	f := serve.Flags()
	f.StringVar(&opt.Socket, "socket", opt.Socket, "where commands reach the service")
	f.BoolVar(&opt.Userspace, "userspace", false, "run tunnels inside this process: no privileges, nothing of the system is changed")
	hostFlags(f, &started)
	root.AddCommand(serve, &cobra.Command{
		Use: "seal", Short: "Shut the guard as the wish on disk asks for, before the network comes up, and end", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return seal(c.Context(), opt, level) },
	})
	root.SetArgs(args)

	return report(root.ExecuteContext(context.Background()))
}

// report says what went wrong, and returns the exit code for it.
func report(err error) int {
	var stage *daemon.StageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &stage):
		fmt.Fprintln(os.Stderr, "holdfastd: cannot", stage)
		if stage.Advice != "" {
			fmt.Fprintln(os.Stderr, "hint:", stage.Advice)
		}
		return daemon.ExitCode(stage.Stage)
	case errors.Is(err, errServe), errors.Is(err, errSeal):
		fmt.Fprintln(os.Stderr, "holdfastd:", err)
		return failed
	}
	fmt.Fprintf(os.Stderr, "holdfastd: %v\nhint: holdfastd run --help\n", err)
	return usage
}

// What failed, where it was not the arguments: the service, or shutting the guard
// before it.
var (
	errServe = errors.New("serve")
	errSeal  = errors.New("seal")
)

// serve puts the service together and runs it under whatever started it.
func serve(opt daemon.Options, level slog.Level, started host.Options) error {
	opt.Log = newLog(level)
	err := host.Run(func(ctx context.Context, n host.Notify) error {
		d, err := daemon.Open(ctx, opt)
		if err != nil {
			return err
		}
		return d.Run(ctx, func() { n.Ready(d.Alive) })
	}, started)
	if err != nil {
		return fmt.Errorf("%w: %w", errServe, err)
	}
	return nil
}

// seal shuts the guard for the time before the service.
func seal(ctx context.Context, opt daemon.Options, level slog.Level) error {
	opt.Log = newLog(level)
	if err := daemon.Seal(ctx, opt); err != nil {
		return fmt.Errorf("%w: %w", errSeal, err)
	}
	return nil
}

func newLog(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
