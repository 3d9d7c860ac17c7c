// Command carrier is a holdfastd with --userspace that also has traffic: pings and
// small web requests, for ever, through whatever tunnel is up.
//
//	carrier CONFIG-DIR STATE-DIR SOCKET
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"holdfast/service/daemon"
	"holdfast/service/lab"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: carrier CONFIG-DIR STATE-DIR SOCKET")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "carrier:", err)
		os.Exit(1)
	}
}

func run(config, state, socket string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	d, err := daemon.Open(ctx, daemon.Options{
		ConfigDir: config, StateDir: state, Socket: socket, Userspace: true,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	var traffic sync.WaitGroup
	defer traffic.Wait()
	traffic.Go(func() { lab.NewTraffic(d.Inside(), lab.TrafficOptions{}).Run(ctx) })
	return d.Run(ctx, func() {})
}
