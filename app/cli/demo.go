package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"holdfast/service/demo"
	"holdfast/service/event"
	"holdfast/service/lab"
)

func newDemo(p *program) *cobra.Command {
	var (
		script string
		auto   bool
		port   int
		logs   bool
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Break real tunnels inside this program and watch them recover",
		Long: `Demo runs the service with three tunnels to three WireGuard servers, all inside this
program: real handshakes, real packets, nothing of the system is touched, no privileges
are needed. Break a server by a key press and watch what Holdfast notices and does.

Without a terminal, with --auto or with --script, the faults come by themselves; the
command then exits with 0 when everything went as expected.`,
		GroupID: groupUse,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			play, err := scriptFor(p, script, auto)
			if err != nil {
				return err
			}
			if c.Flags().Changed("port") {
				p.note("note: there is no page yet; --port %d is for it", port)
			}
			return p.demo(c.Context(), play, logs)
		},
	}
	c.Flags().BoolVar(&auto, "auto", false, "play a fixed series of faults, then end")
	c.Flags().StringVar(&script, "script", "", "play the faults in this `file`, then end")
	c.Flags().IntVar(&port, "port", 0, "`port` of the page (there is no page yet)")
	c.Flags().BoolVar(&logs, "logs", false, "show the service's log on standard error")
	return c
}

// scriptFor chooses what is played by itself; nil: the person plays.
func scriptFor(p *program, file string, auto bool) (lab.Script, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, failed(err, "", "read the script")
		}
		s, err := lab.ParseScript(text)
		if err != nil {
			return nil, failed(err, "", "read %s", file)
		}
		return s, nil
	}
	if auto || p.json || !isTerminal(p.out) || !isTerminal(p.in) {
		return lab.AutoScript(), nil
	}
	return nil, nil
}

// demo runs the demo, with a script or with the person at the keys.
func (p *program) demo(ctx context.Context, script lab.Script, logs bool) error {
	sink := io.Discard
	if logs {
		sink = p.err
	}
	d, err := demo.Start(ctx, slog.New(slog.NewTextHandler(sink, nil)))
	if err != nil {
		return failed(err, "", "start the demo")
	}
	defer d.Close()
	if err := script.Check(d.Servers()); err != nil {
		return failed(err, "the demo's servers are berlin, paris and oslo", "read the script")
	}
	events, cancel := d.Follow()
	defer cancel()
	s := &show{p: p, d: d, paint: p.paintFor(p.out), events: events, began: time.Now(), newline: "\n"}
	s.open()
	if script != nil {
		err = s.play(ctx, script)
	} else {
		err = s.interact(ctx)
	}
	s.close()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// show tells in the terminal what happens.
type show struct {
	p       *program
	d       *demo.Demo
	paint   paint
	events  <-chan event.Event
	began   time.Time
	newline string // "\r\n" while the terminal is raw
	drawn   bool   // a status line stands on the last line
	// What the summary says.
	switches int
	downtime time.Duration
}

// open says what this is.
func (s *show) open() {
	if s.p.json {
		return
	}
	s.line("Three WireGuard servers run inside this program: berlin (the primary), paris and oslo.")
	s.line("Traffic flows through a real tunnel to one of them. The waits are shortened: a tunnel")
	s.line("that carries nothing for 5 s is left (30 s is the default of the profile classic).")
	s.line("The demo's service answers too:  holdfast status --socket %s", s.d.Socket())
	s.line("")
}

// line prints a line above the status line.
func (s *show) line(format string, args ...any) {
	if s.drawn {
		_ = s.p.say("\r\x1b[2K")
		s.drawn = false
	}
	_ = s.p.say("%s%s", fmt.Sprintf(format, args...), s.newline)
}

// told prints a line with its moment.
func (s *show) told(format string, args ...any) {
	at := s.paint.in(faint, fmt.Sprintf("%6.1fs", time.Since(s.began).Seconds()))
	s.line("%s  %s", at, printable(fmt.Sprintf(format, args...)))
}

// event tells one event, and counts it.
func (s *show) event(e event.Event) {
	if e.Kind == event.FailedOver || e.Kind == event.FailedBack {
		s.switches++
	}
	s.downtime += time.Duration(e.DowntimeMs) * time.Millisecond
	if s.p.json {
		_ = s.p.object(e)
		return
	}
	switch e.Kind {
	case event.ServiceStarted, event.ServiceStopped, event.WishChanged, event.SettingsChanged, event.ConfigChanged:
		return
	}
	s.told("%s", e.Sentence())
}

// play lets a script run and tells its steps.
func (s *show) play(ctx context.Context, script lab.Script) error {
	outcomes := make(chan lab.Outcome, 16)
	ended := make(chan error, 1)
	go func() { ended <- script.Play(ctx, s.d, func(o lab.Outcome) { outcomes <- o }) }()
	status := time.NewTicker(5 * time.Second)
	defer status.Stop()
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.events = nil
				continue
			}
			s.event(e)
		case o := <-outcomes:
			s.outcome(o)
		case <-status.C:
			if !s.p.json {
				s.told("%s", s.state())
			}
		case err := <-ended:
			for len(outcomes) > 0 {
				s.outcome(<-outcomes)
			}
			s.summary(err)
			if err != nil && ctx.Err() == nil {
				return failed(err, "", "the demo did not go as its script expects")
			}
			return ctx.Err()
		}
	}
}

// outcome tells how a step of a script went.
func (s *show) outcome(o lab.Outcome) {
	if s.p.json {
		_ = s.p.object(map[string]any{"step": o.Step.String(), "ok": o.Err == nil, "tookMs": o.Took.Milliseconds()})
		return
	}
	switch {
	case o.Err != nil:
		s.told("%s", s.paint.in(red, "missed: "+o.Err.Error()))
	case o.Step.Verb == lab.VerbSay:
		s.told("%s", s.paint.in(bold, o.Step.Text))
	case o.Step.Verb == lab.VerbExpect:
		s.told("%s", s.paint.in(green, fmt.Sprintf("✓ %s is %s after %.1f s", o.Step.Subject, o.Step.Want, o.Took.Seconds())))
	case o.Step.Verb != lab.VerbEnd:
		s.told("— %s", strings.Join(strings.Fields(o.Step.String())[1:], " "))
	}
}

// state is the picture in a line.
func (s *show) state() string {
	st := s.d.Status()
	via := ""
	if st.Active != nil {
		via = " via " + string(st.Active.Tunnel)
	}
	t := s.d.Traffic()
	line := fmt.Sprintf("%s%s · pings: %d answered, %d lost", s.paint.overall(st.Overall), via, t.Answered, t.Lost)
	if t.RTT > 0 {
		line += fmt.Sprintf(" · %.0f ms", float64(t.RTT)/float64(time.Millisecond))
	}
	return line
}

// summary is the last word.
func (s *show) summary(err error) {
	t := s.d.Traffic()
	if s.p.json {
		_ = s.p.object(map[string]any{"summary": map[string]any{"ok": err == nil, "switches": s.switches, "downtimeMs": s.downtime.Milliseconds(),
			"pingsAnswered": t.Answered, "pingsLost": t.Lost, "tookMs": time.Since(s.began).Milliseconds()}})
		return
	}
	s.line("")
	s.line("In %.0f s: %d switches, %.1f s without service, %d pings answered, %d lost.",
		time.Since(s.began).Seconds(), s.switches, s.downtime.Seconds(), t.Answered, t.Lost)
}

// close ends the last line.
func (s *show) close() {
	if s.drawn {
		_ = s.p.say("%s", s.newline)
	}
}

// idleBefore is how long the demo waits for a first key before it plays by
// itself.
const idleBefore = 15 * time.Second

// interact lets the person break things by key presses. Whoever presses none
// is shown the fixed series of faults.
func (s *show) interact(ctx context.Context) error {
	in, ok := s.p.in.(*os.File)
	if !ok {
		return failed(errors.New("standard input is not a terminal"), "use --auto", "read keys")
	}
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return failed(err, "use --auto", "read keys")
	}
	defer func() { _ = term.Restore(int(in.Fd()), was) }()
	s.newline = "\r\n"
	return newKeyboard(s).run(ctx, in)
}
