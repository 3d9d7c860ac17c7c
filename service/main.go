// Holdfastd is the service: it runs the tunnels and keeps them working. It
// wires everything and decides nothing; see package daemon.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"holdfast/build/version"
	"holdfast/service/daemon"
	"holdfast/service/host"
	_ "holdfast/service/loader" // before anything loads a library
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
	var logFile string
	root := &cobra.Command{
		Use: "holdfastd", Short: "The Holdfast service",
		Version: version.Version, SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	serve := &cobra.Command{
		Use: "run", Short: "Run the service until it is told to stop", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return serve(opt, level, started, logFile) },
	}
	all := root.PersistentFlags()
	all.StringVar(&opt.ConfigDir, "config-dir", opt.ConfigDir, "folder of the tunnels and holdfast.toml")
	all.StringVar(&opt.StateDir, "state-dir", opt.StateDir, "folder of the history and the wish")
	all.StringVar(&opt.Interface, "interface", opt.Interface, "name of the tunnel's interface")
	all.TextVar(&level, "log-level", slog.LevelInfo, "what to log: debug, info, warn or error")
	f := serve.Flags()
	f.StringVar(&opt.Socket, "socket", opt.Socket, "where commands reach the service")
	f.BoolVar(&opt.Userspace, "userspace", false, "run tunnels inside this process: no privileges, nothing of the system is changed")
	f.StringVar(&logFile, "log-file", "", "also keep a log of bounded size in this file")
	hostFlags(f, &started)
	var after time.Duration
	shut := &cobra.Command{
		Use: "seal", Short: "Shut the guard as the wish on disk asks for, before the network comes up, and end", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return seal(c.Context(), opt, level, after) },
	}
	shut.Flags().DurationVar(&after, "after", 0, "wait this long first, and then do nothing if the guard was opened meanwhile")
	root.AddCommand(serve, shut)
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
func serve(opt daemon.Options, level slog.Level, started host.Options, logFile string) error {
	// An error here is told as those that follow, by what started us: to Windows a
	// service that ends before it answers is one that does not answer.
	unprepared := prepare(opt, started)
	if logFile == "" && started.Managed && unprepared == nil {
		logFile = filepath.Join(opt.StateDir, "holdfastd.log")
	}
	opt.Log, started.Stacks = openLog(logFile, level, started)
	started.Log = opt.Log
	err := host.Run(func(ctx context.Context, n host.Notify) error {
		if unprepared != nil {
			return unprepared
		}
		d, err := daemon.Open(ctx, opt)
		if err != nil {
			return err
		}
		return d.Run(ctx, func() { n.Ready(d.Alive) })
	}, started)
	if err != nil {
		if started.Managed {
			tell(opt.Log, err)
		}
		return fmt.Errorf("%w: %w", errServe, err)
	}
	return nil
}

// openLog is the log, and where the goroutines of a service that hangs go. The
// service runs without a file that cannot be written.
func openLog(path string, level slog.Level, started host.Options) (*slog.Logger, io.Writer) {
	if path == "" {
		return host.NewLog(started, nil, level), os.Stderr
	}
	file, err := host.OpenLogFile(path)
	if err != nil {
		log := host.NewLog(started, nil, level)
		log.Warn("there will be no file of what the service says", "err", err)
		return log, os.Stderr
	}
	return host.NewLog(started, file, level), file
}

// tell puts into the log what report says on a standard error that nobody reads.
func tell(log *slog.Logger, err error) {
	var stage *daemon.StageError
	if errors.As(err, &stage) && stage.Advice != "" {
		log = log.With("hint", stage.Advice)
	}
	log.Error("the service failed", "err", err)
}

// seal shuts the guard for the time before the service.
func seal(ctx context.Context, opt daemon.Options, level slog.Level, after time.Duration) error {
	opt.Log = host.NewLog(host.Options{}, nil, level)
	shut := daemon.Seal
	if after > 0 {
		shut = func(ctx context.Context, opt daemon.Options) error { return daemon.SealAfter(ctx, opt, after) }
	}
	if err := shut(ctx, opt); err != nil {
		return fmt.Errorf("%w: %w", errSeal, err)
	}
	return nil
}
