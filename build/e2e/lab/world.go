package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"holdfast/service/daemon"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/library"
	"holdfast/service/tunnel"
)

// options are what the command line asks for.
type options struct {
	dir      string // of the service. "": none is run
	settings map[string]string
	group    string // "": nothing is imported
	up       bool
}

func (o *options) set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%s: want KEY=VALUE", text)
	}
	o.settings[key] = value
	return nil
}

// world is the servers, and the service where there is one.
type world struct {
	options
	lab *lab.Lab
	// underlay tells the service that the lab took the network away.
	underlay chan failover.Input
	stop     context.CancelFunc // nil: no service runs
	inside   *daemon.Inside     // the way through its tunnel
	life     context.Context    // the service's
	wg       sync.WaitGroup
	ended    error // of the service; read after wg
}

func newWorld(o options) *world {
	w := &world{options: o, underlay: make(chan failover.Input, 64)}
	w.lab = lab.New(lab.Options{Seed: 1, OnNetwork: w.network})
	return w
}

// network tells the service what the system's watcher would. Without a service
// nobody listens.
func (w *world) network(up bool) {
	if w.dir == "" {
		return
	}
	in := failover.Underlay{Usable: up}
	if !up {
		in.Cause = tunnel.NoNetwork
	}
	w.underlay <- in
}

// serve runs the service, with traffic through whatever tunnel is up.
func (w *world) serve(ctx context.Context) error {
	if err := w.configure(); err != nil {
		return err
	}
	w.network(true)
	d, err := daemon.Open(ctx, daemon.Options{
		ConfigDir: filepath.Join(w.dir, "etc"), StateDir: filepath.Join(w.dir, "var"),
		Socket: filepath.Join(w.dir, "run", "holdfast.sock"), Userspace: true, Underlay: w.underlay,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ctx, w.stop = context.WithCancel(ctx)
	w.inside, w.life = d.Inside(), ctx
	ready := make(chan struct{})
	w.wg.Go(func() { w.ended = d.Run(ctx, func() { close(ready) }) })
	<-ready
	w.wg.Go(func() { lab.NewTraffic(d.Inside(), lab.TrafficOptions{}).Run(ctx) })
	if w.up {
		return d.Connect(ctx, tunnel.Name(w.group))
	}
	return nil
}

// configure writes the settings, and the tunnels and their group as a person
// would have.
func (w *world) configure() error {
	lib, err := library.Open(filepath.Join(w.dir, "etc"))
	if err != nil {
		return err
	}
	if _, err := lib.SetSettings(w.settings); err != nil {
		return err
	}
	if w.group == "" {
		return nil
	}
	var names []tunnel.Name
	for _, s := range w.lab.Servers() {
		if err := lib.Save(s.Name(), s.ClientConfig(), true); err != nil {
			return err
		}
		names = append(names, s.Name())
	}
	return lib.SetGroup(tunnel.Name(w.group), names)
}

// upload begins to send through the tunnel, until the end.
func (w *world) upload() error {
	if w.inside == nil {
		return errNoService
	}
	w.wg.Go(func() { upload(w.life, w.inside) })
	return nil
}

func (w *world) close() error {
	if w.stop != nil {
		w.stop()
	}
	w.wg.Wait()
	return errors.Join(w.ended, w.lab.Close())
}
