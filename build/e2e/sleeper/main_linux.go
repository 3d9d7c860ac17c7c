// Command sleeper is holdfastd on a machine whose clocks can be shifted: its
// tests may neither suspend the machine nor set its clock.
//
// It reads the shifts from a file with two durations, by how much the machine
// has slept and by how much its wall clock is ahead, at every look at the
// clocks. A SIGUSR1 tells it what the system would tell: that the clock jumped.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"holdfast/service/clock"
	"holdfast/service/daemon"
	"holdfast/service/netwatch"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sleeper:", err)
		os.Exit(1)
	}
}

func run() error {
	var opt daemon.Options
	flag.StringVar(&opt.ConfigDir, "config-dir", "", "")
	flag.StringVar(&opt.StateDir, "state-dir", "", "")
	flag.StringVar(&opt.Socket, "socket", "", "")
	shifts := flag.String("shifts", "", "the file with the shifts")
	flag.Parse()
	opt.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opt.Clock = func() clock.Reading { return shifted(netwatch.ReadClock(), *shifts) }
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGUSR1)
	jumps := make(chan struct{})
	go func() {
		for range signals {
			jumps <- struct{}{}
		}
	}()
	opt.Jumps = jumps
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	d, err := daemon.Open(ctx, opt)
	if err != nil {
		return err
	}
	return d.Run(ctx, func() {})
}

// shifted is a reading with the shifts of a file. Without the file there are none.
func shifted(r clock.Reading, file string) clock.Reading {
	text, err := os.ReadFile(file)
	if err != nil {
		return r
	}
	var slept, ahead string
	if _, err := fmt.Sscan(string(text), &slept, &ahead); err != nil {
		return r
	}
	s, _ := time.ParseDuration(slept)
	a, _ := time.ParseDuration(ahead)
	r.Suspended += s
	r.Wall = r.Wall.Add(s + a)
	return r
}
