// Package demo is a Holdfast service and a lab in one process: real tunnels to
// real servers that can be broken, on an interface inside this process, with
// traffic through it. It needs no privileges and leaves nothing behind.
//
// It puts together what a person then plays with; the program that they touch
// is app/cli.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"holdfast/service/daemon"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/lab"
	"holdfast/service/library"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// Group is the group that the demo connects to.
const Group tunnel.Name = "home"

// members are the servers of the lab, the primary first, with the latency of
// their paths each way.
var members = []struct {
	name    tunnel.Name
	latency time.Duration
}{
	{"berlin", 8 * time.Millisecond},
	{"paris", 14 * time.Millisecond},
	{"oslo", 22 * time.Millisecond},
}

// Settings are the settings that differ from the defaults, so that a person
// need not wait minutes for a return to the preferred server. What notices a
// dead tunnel is as it always is.
func Settings() map[string]string {
	return map[string]string{
		"minimum_hold":            "8s",
		"failback_probe_interval": "3s",
		"failback_stability":      "8s",
		"failback_when":           "at_once",
		"third_party_checks":      "false",
	}
}

// Demo is a running demo. Make it with Start, end it with Close.
type Demo struct {
	lab     *lab.Lab
	daemon  *daemon.Daemon
	traffic *lab.Traffic
	dir     string
	socket  string
	// underlay tells the engine that the lab took the network away.
	underlay chan failover.Input
	teller   teller
	page     visitor
	acting   sync.Mutex // held while a step is carried out: each has its own story
	stop     context.CancelFunc
	stopped  <-chan struct{} // closed by stop
	wg       sync.WaitGroup
	// ended holds the service's error once it has ended.
	ended chan error
}

// Start puts a demo together in a temporary folder and brings its tunnel up.
func Start(ctx context.Context, log *slog.Logger) (*Demo, error) {
	dir, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	d := &Demo{dir: dir, socket: socketIn(dir), underlay: make(chan failover.Input, 8), ended: make(chan error, 1), page: newVisitor()}
	ctx, d.stop = context.WithCancel(ctx)
	d.stopped = ctx.Done()
	if err := d.start(ctx, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Demo) start(ctx context.Context, log *slog.Logger) error {
	d.lab = lab.New(lab.Options{Log: log, Seed: 1, OnNetwork: d.network})
	if err := d.configure(); err != nil {
		return err
	}
	d.underlay <- failover.Underlay{Usable: true}
	var err error
	d.daemon, err = daemon.Open(ctx, daemon.Options{
		ConfigDir: filepath.Join(d.dir, "etc"), StateDir: filepath.Join(d.dir, "var"), Socket: d.socket,
		Userspace: true, Underlay: d.underlay, Log: log,
	})
	if err != nil {
		return err
	}
	ready := make(chan struct{})
	d.wg.Go(func() { d.ended <- d.daemon.Run(ctx, func() { close(ready) }) })
	<-ready
	d.traffic = lab.NewTraffic(d.daemon.Inside(), lab.TrafficOptions{OnPing: d.teller.ping})
	d.wg.Go(func() { d.traffic.Run(ctx) })
	d.wg.Go(func() { d.hear(ctx) })
	return d.daemon.Connect(ctx, Group)
}

// configure writes the tunnels, the group and the settings as a person would
// have, and starts a server for each tunnel.
func (d *Demo) configure() error {
	lib, err := library.Open(filepath.Join(d.dir, "etc"))
	if err != nil {
		return err
	}
	var names []tunnel.Name
	for _, m := range members {
		s, err := d.lab.AddServer(m.name, lab.ServerOptions{Path: lab.Both(lab.Link{Latency: m.latency, Jitter: 2 * time.Millisecond})})
		if err != nil {
			return fmt.Errorf("start server %s: %w", m.name, err)
		}
		if err := lib.Save(m.name, s.ClientConfig(), false); err != nil {
			return err
		}
		names = append(names, m.name)
	}
	if err := lib.SetGroup(Group, names); err != nil {
		return err
	}
	_, err = lib.SetSettings(Settings())
	return err
}

// network tells the engine what the system's watcher would.
func (d *Demo) network(up bool) {
	in := failover.Underlay{Usable: up}
	if !up {
		in.Cause = tunnel.NoNetwork
	}
	select {
	case d.underlay <- in:
	case <-d.stopped: // nobody listens any more
	}
}

// Close ends everything and removes the folder.
func (d *Demo) Close() error {
	d.stop()
	d.wg.Wait()
	var errs []error
	select {
	case err := <-d.ended:
		errs = append(errs, err)
	default:
	}
	if d.lab != nil {
		errs = append(errs, d.lab.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// Socket is where the command line reaches the demo's service.
func (d *Demo) Socket() string { return d.socket }

// Dir is a folder of the demo's own. Close removes it.
func (d *Demo) Dir() string { return d.dir }

// Servers are the members, the primary first.
func (d *Demo) Servers() []tunnel.Name {
	names := make([]tunnel.Name, 0, len(members))
	for _, m := range members {
		names = append(names, m.name)
	}
	return names
}

// Status is the picture of now.
func (d *Demo) Status() status.Status { return d.daemon.Status() }

// Follow returns a channel of events as they happen, and what ends it.
func (d *Demo) Follow() (<-chan event.Event, func()) { return d.daemon.Follow() }

// Traffic counts what the background traffic has seen.
func (d *Demo) Traffic() lab.TrafficCounts { return d.traffic.Counts() }

// Between counts the pings sent from one moment until before another whose fate
// is known; that is 2 s after they were sent at the latest. It looks back an hour.
func (d *Demo) Between(from, until time.Time) (answered, lost int) {
	return d.traffic.Between(from, until)
}

// hear brings what happens to the teller.
func (d *Demo) hear(ctx context.Context) {
	events, cancel := d.Follow()
	defer cancel()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return // the service has ended
			}
			d.teller.event(e)
		case <-ctx.Done():
			return
		}
	}
}

// scene is what a step finds.
type scene struct {
	inUse   tunnel.Name // "": none
	network bool
}

// Do carries out a step of a script; see lab.Stage. What comes of a step that
// breaks or heals is the new story.
func (d *Demo) Do(s lab.Step) error {
	if s.Verb != lab.VerbBreak && s.Verb != lab.VerbHeal && s.Verb != lab.VerbNetwork {
		return nil
	}
	if s.Server != "" && d.lab.Server(s.Server) == nil {
		return fmt.Errorf("%s: %w", s.Server, lab.ErrNoSuchServer)
	}
	d.acting.Lock()
	defer d.acting.Unlock()
	before := scene{inUse: tunnel.Name(d.Now(lab.SubjectActive)), network: d.lab.NetworkUp()}
	d.teller.begin(Story{At: time.Now().UTC(), Did: s.Verb, Server: s.Server, Faults: slices.Clone(s.Faults), Up: s.Up, InUse: before.inUse})
	if err := d.carryOut(s); err != nil {
		return err
	}
	d.teller.want(d.outlook(s, before))
	return nil
}

func (d *Demo) carryOut(s lab.Step) error {
	switch {
	case s.Verb == lab.VerbNetwork:
		d.lab.SetNetwork(s.Up)
		return nil
	case s.Server == "":
		return d.lab.Heal()
	case s.Verb == lab.VerbHeal:
		return d.lab.Server(s.Server).Heal(s.Faults...)
	}
	for _, f := range s.Faults {
		if err := d.lab.Server(s.Server).Break(f); err != nil {
			return err
		}
	}
	return nil
}

// Now returns what a script may expect; see lab.Stage.
func (d *Demo) Now(s lab.Subject) string {
	st := d.Status()
	if s == lab.SubjectActive {
		if st.Active == nil {
			return ""
		}
		return string(st.Active.Tunnel)
	}
	return string(st.Overall)
}

// Heal ends every fault, and gives the network back.
func (d *Demo) Heal() error { return d.Do(lab.Step{Verb: lab.VerbHeal}) }

// Broken lists what is broken at a server.
func (d *Demo) Broken(name tunnel.Name) []lab.Fault { return d.lab.Server(name).Broken() }
