package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/service/demo"
	"holdfast/service/lab"
)

// demoFlags are what the person asked of the demo.
type demoFlags struct {
	script    string
	auto      bool
	port      uint16
	noBrowser bool
	logs      bool
}

func newDemo(p *program) *cobra.Command {
	var flags demoFlags
	c := &cobra.Command{
		Use:   "demo [--auto | --script FILE] [--port N]",
		Short: "Break real tunnels inside this program and watch them recover",
		Long: `Run the service with tunnels to three WireGuard servers, all inside this program: real
handshakes and real packets. No privileges are needed, and nothing of this computer is
touched. Break a server by a key press, and watch what Holdfast notices and does. The page
opens in your browser, with the same faults as buttons. Who presses none for 15 s is shown
a fixed series of faults.

Without a terminal, with --json, --auto or --script, faults come by themselves, and no
browser opens: the page is served, and "holdfast open" with the demo's --socket opens it.
The exit code is then 0 where everything that was expected has come about, else 1. With
--json each line is an object: the "page", an event as it is kept in the history, a "step"
of the script, an "outage" that is over, and at the end the "summary".

A script has a step a line, each with its time since the start:
  0s   expect active berlin within 10s
  3s   say Berlin goes dark.
  3s   break berlin blackhole
  3s   expect active paris within 15s
  20s  heal berlin
  25s  network off
  30s  network on
  35s  end`,
		GroupID: groupUse,
		Args:    takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if flags.auto && flags.script != "" {
				return misused("leave one of them out", "--auto and --script exclude each other")
			}
			play, err := p.scriptFor(flags)
			if err != nil {
				return err
			}
			return p.demo(c.Context(), play, flags)
		},
	}
	c.Flags().BoolVar(&flags.auto, "auto", false, "play a fixed series of faults, then end")
	c.Flags().StringVar(&flags.script, "script", "", "play the faults in this `file`, then end")
	c.Flags().Uint16Var(&flags.port, "port", 0, "the page's TCP `port` on loopback; 0: any that is free")
	c.Flags().BoolVar(&flags.noBrowser, "no-browser", false, "serve the page, and open no browser")
	c.Flags().BoolVar(&flags.logs, "logs", false, "show the service's log, too")
	return c
}

// scriptFor chooses what is played by itself; nil: the person plays.
func (p *program) scriptFor(flags demoFlags) (lab.Script, error) {
	if flags.script != "" {
		text, err := os.ReadFile(flags.script)
		if err != nil {
			return nil, failed(err, "", "read the script")
		}
		script, err := lab.ParseScript(text)
		if err != nil {
			return nil, badScript(flags.script, err)
		}
		return script, nil
	}
	if flags.auto || p.json || !isTerminal(p.out) || !isTerminal(p.in) {
		return lab.AutoScript(), nil
	}
	return nil, nil
}

// badScript tells every line of a script that is wrong.
func badScript(file string, err error) error {
	problems, ok := errors.AsType[lab.ScriptProblems](err)
	if !ok {
		return failed(err, "", "read %s", file)
	}
	var lines []string
	for _, problem := range problems {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", file, problem.Line, problem.Message))
	}
	return failed(nil, "holdfast demo --help shows a script", "%s", strings.Join(lines, "\n"))
}

// demo runs the demo, with a script or, where there is none, with the person at
// the keys.
func (p *program) demo(ctx context.Context, script lab.Script, flags demoFlags) (err error) {
	// The window was closed, or nobody reads on: leave nothing behind then, either.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !signal.Ignored(syscall.SIGHUP) {
		var hungUp context.CancelFunc
		ctx, hungUp = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer hungUp()
	}
	p = p.until(stop)
	logs, sink := make(chan string, 256), io.Discard
	if flags.logs {
		sink = lineWriter(logs)
	}
	log := slog.New(slog.NewTextHandler(sink, nil))
	d, err := demo.Start(ctx, log)
	if err != nil {
		return failed(err, "", "start the demo")
	}
	defer func() {
		if closeErr := d.Close(); err == nil && closeErr != nil && ctx.Err() == nil {
			err = failed(closeErr, "", "end the demo")
		}
	}()
	if err := script.Check(d.Servers()); err != nil {
		return badScript(flags.script, err)
	}
	page, err := p.serveDemoPage(ctx, d, flags.port, log)
	switch {
	case err == nil:
		defer page.close()
	case flags.port != 0:
		return err
	default: // it was not asked for by itself
		p.note("note: this demo has no page: %s", err)
	}
	events, cancel := d.Follow()
	defer cancel()
	s := newShow(p, d, events, logs)
	s.page = page
	if script == nil {
		if page != nil && !flags.noBrowser {
			page.open(ctx)
		}
		return s.interact(ctx)
	}
	s.intro()
	return s.play(ctx, script)
}

// until is the program with an output that calls gone once nobody reads it any
// more. The signal that tells of it is no help: it also tells of every browser
// that closes the page.
func (p *program) until(gone func()) *program {
	if isTerminal(p.out) {
		return p // whose end is a signal of its own
	}
	signal.Ignore(syscall.SIGPIPE)
	q := *p
	q.out = &reader{p.out, gone}
	return &q
}

// reader is an output whose reader may leave.
type reader struct {
	io.Writer
	gone func()
}

func (r *reader) Write(text []byte) (int, error) {
	n, err := r.Writer.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		r.gone()
	}
	return n, err
}

// lineWriter hands on what a logger writes, line by line. A line that nobody
// takes in time is dropped: the service does not wait for a terminal.
type lineWriter chan<- string

func (w lineWriter) Write(text []byte) (int, error) {
	select {
	case w <- strings.TrimRight(string(text), "\n"):
	default:
	}
	return len(text), nil
}
