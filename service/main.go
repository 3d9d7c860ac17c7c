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
	root := &cobra.Command{
		Use: "holdfastd", Short: "The Holdfast service",
		Version: version.Version, SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	serve := &cobra.Command{
		Use: "run", Short: "Run the service until it is told to stop", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return serve(opt, level) },
	}
	f := serve.Flags()
	f.StringVar(&opt.ConfigDir, "config-dir", opt.ConfigDir, "folder of the tunnels and holdfast.toml")
	f.StringVar(&opt.StateDir, "state-dir", opt.StateDir, "folder of the history and the wish")
	f.StringVar(&opt.Socket, "socket", opt.Socket, "where commands reach the service")
	f.StringVar(&opt.Interface, "interface", opt.Interface, "name of the tunnel's interface")
	f.BoolVar(&opt.Userspace, "userspace", false, "run tunnels inside this process: no privileges, nothing of the system is changed")
	f.TextVar(&level, "log-level", slog.LevelInfo, "what to log: debug, info, warn or error")
	root.AddCommand(serve)
	root.SetArgs(args)

	return report(root.Execute())
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
	case errors.Is(err, errServe):
		fmt.Fprintln(os.Stderr, "holdfastd:", err)
		return failed
	}
	fmt.Fprintf(os.Stderr, "holdfastd: %v\nhint: holdfastd run --help\n", err)
	return usage
}

// errServe says that the service itself failed, not its arguments.
var errServe = errors.New("serve")

// serve puts the service together and runs it under whatever started it.
func serve(opt daemon.Options, level slog.Level) error {
	opt.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	err := host.Run(func(ctx context.Context, n host.Notify) error {
		d, err := daemon.Open(ctx, opt)
		if err != nil {
			return err
		}
		return d.Run(ctx, func() { n.Ready(d.Alive) })
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errServe, err)
	}
	return nil
}
