// Command day is the world of the README's pictures: a service with real tunnels
// to the lab's servers, traffic as of somebody who surfs, and a history of a day.
// That day is made up, since nobody waits a day for a picture.
//
//	go run ./build/pictures/day DIR
//
// It keeps its things in DIR, writes a line of JSON with the service's socket,
// and ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"holdfast/service/daemon"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/library"
	"holdfast/service/tunnel"
)

const group tunnel.Name = "home"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./build/pictures/day DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	err := run(ctx, os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "day:", err)
		os.Exit(1)
	}
}

// run lets the service run until ctx is done.
func run(ctx context.Context, dir string) (err error) {
	if err := writePast(filepath.Join(dir, "var"), time.Now().UTC()); err != nil {
		return err
	}
	l := lab.New(lab.Options{Seed: 1})
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := configure(l, filepath.Join(dir, "etc")); err != nil {
		return err
	}
	underlay := make(chan failover.Input, 1)
	underlay <- failover.Underlay{Usable: true}
	socket := filepath.Join(dir, "run", "holdfast.sock")
	d, err := daemon.Open(ctx, daemon.Options{
		ConfigDir: filepath.Join(dir, "etc"), StateDir: filepath.Join(dir, "var"), Socket: socket,
		Userspace: true, Underlay: underlay, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- d.Run(ctx, func() { close(ready) }) }()
	<-ready
	var surfing sync.WaitGroup
	surfing.Go(func() { surf(ctx, d.Inside()) })
	defer surfing.Wait()
	if err := d.Connect(ctx, group); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"socket": socket}); err != nil {
		return err
	}
	return <-ended
}

// configure starts the servers and writes what a person would have.
func configure(l *lab.Lab, dir string) error {
	lib, err := library.Open(dir)
	if err != nil {
		return err
	}
	var names []tunnel.Name
	for i, name := range []tunnel.Name{"berlin", "paris", "oslo"} {
		latency := time.Duration(8+6*i) * time.Millisecond
		s, err := l.AddServer(name, lab.ServerOptions{Path: lab.Both(lab.Link{Latency: latency, Jitter: 2 * time.Millisecond})})
		if err != nil {
			return err
		}
		if err := lib.Save(name, s.ClientConfig(), false); err != nil {
			return err
		}
		names = append(names, name)
	}
	if _, err := lib.SetSettings(map[string]string{"third_party_checks": "false"}); err != nil {
		return err
	}
	return lib.SetGroup(group, names)
}
