package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/service/demo"
	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
)

const (
	// lookEvery is how often the demo compares what is shown with what is.
	lookEvery = 100 * time.Millisecond
	// quietFor is how long nothing is told before the state is, where no line is
	// drawn that shows it.
	quietFor = 10 * time.Second
)

// show tells in the terminal, or in JSON, what happens in a demo.
type show struct {
	p      *program
	d      *demo.Demo
	page   *demoPage // nil: none is served
	screen *screen
	events <-chan event.Event
	logs   <-chan string
	began  time.Time
	toldAt time.Time
	// draws says that the state stands on the last line, and is drawn anew.
	draws bool
	// said is the moment of a script at which it spoke: what it does then needs
	// no other words. -1: none.
	said time.Duration
	// tail is what the last line says beyond the state.
	tail func() string

	toldID   int64 // of the last event that was told
	switches int
	outages  outages
}

func newShow(p *program, d *demo.Demo, events <-chan event.Event, logs <-chan string) *show {
	now := time.Now()
	return &show{
		p: p, d: d, screen: newScreen(p), events: events, logs: logs, began: now, toldAt: now,
		draws: !p.json && isTerminal(p.out) && p.env("TERM") != "dumb",
		said:  -1,
		tail:  func() string { return "" },
	}
}

// intro says what this is.
func (s *show) intro() {
	url := ""
	if s.page != nil {
		url = s.page.host.URL()
	}
	if s.p.json && url != "" {
		_ = s.p.object(map[string]any{"page": map[string]any{"url": url, "socket": s.d.Socket()}})
	}
	for _, line := range introduction(url, s.d.Socket()) {
		s.line(line, "")
	}
}

// line prints a line without its moment.
func (s *show) line(text, colour string) {
	if !s.p.json {
		s.screen.line("", "", text, colour)
	}
}

// told prints a line with its moment.
func (s *show) told(text, colour string) {
	if s.p.json || text == "" {
		return
	}
	s.toldAt = time.Now()
	head := fmt.Sprintf("%6.1f s  ", s.toldAt.Sub(s.began).Seconds())
	s.screen.line(head, faint, printable(text), colour)
}

// event tells one event, and counts it.
func (s *show) event(e event.Event) {
	s.toldID = max(s.toldID, e.ID)
	if e.Kind == event.FailedOver || e.Kind == event.FailedBack {
		s.switches++
	}
	if s.p.json {
		_ = s.p.object(e)
		return
	}
	s.told(eventWords(e))
}

// catchUpWithin bounds the wait for events that are on their way to the disk.
const catchUpWithin = 2 * time.Second

// catchUp tells what has happened and was not yet told: events come when they
// are on disk, a moment after the picture shows what they did.
func (s *show) catchUp() {
	last := s.d.Status().EventID
	limit := time.NewTimer(catchUpWithin)
	defer limit.Stop()
	for s.toldID < last {
		select {
		case e := <-s.events:
			s.event(e)
		case <-limit.C:
			return
		}
	}
}

// look keeps up with what no event tells: pings, logs and the state.
func (s *show) look(now time.Time) {
	counts := s.d.Traffic()
	s.outages.look(counts)
	for {
		o, ok := s.outages.settled(now)
		if !ok {
			break
		}
		s.outage(o)
	}
	if s.p.json {
		return
	}
	line := stateLine(s.d.Status(), counts, s.outages.silence(now))
	switch {
	case s.draws:
		overall := s.d.Status().Overall
		s.screen.draw(line+s.tail(), func(text string) string { return paintState(s.screen.paint, text, overall) })
	case now.Sub(s.toldAt) >= quietFor:
		s.told(line, "")
	}
}

// paintState paints the word that a line begins with.
func paintState(p paint, line string, overall status.Overall) string {
	if rest, ok := strings.CutPrefix(line, string(overall)); ok {
		return p.overall(overall) + rest
	}
	return line
}

// outage tells the consequence of an outage, and counts it.
func (s *show) outage(o outage) {
	_, lost := s.d.Between(o.since.Add(-pingEvery/2), o.until)
	s.outages.count(o, lost)
	if s.p.json {
		_ = s.p.object(map[string]any{"outage": map[string]any{
			"since": o.since.UTC(), "downtimeMs": o.length().Milliseconds(), "pingsLost": lost,
		}})
		return
	}
	s.told(outageWords(o, lost), "")
}

// log tells a line of the service's log.
func (s *show) log(line string) {
	if s.draws {
		s.screen.line("", "", printable(line), faint)
	} else {
		s.p.note("%s", line)
	}
}

// play lets a script run and tells its steps. Its error says that something
// that was expected has not come about, or that it was broken off.
func (s *show) play(ctx context.Context, script lab.Script) error {
	outcomes := make(chan lab.Outcome)
	ended := make(chan error, 1)
	go func() {
		defer close(outcomes)
		ended <- script.Play(ctx, s.d, func(o lab.Outcome) { outcomes <- o })
	}()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case e := <-s.events:
			s.event(e)
		case line := <-s.logs:
			s.log(line)
		case now := <-look.C:
			s.look(now)
		case step := <-s.d.Acts():
			s.told("On the page: "+stepWords(step), bold)
		case o, ok := <-outcomes:
			if ok {
				s.outcome(o)
				continue
			}
			err := <-ended
			s.catchUp()
			s.summary(err == nil)
			switch {
			case ctx.Err() != nil:
				return failed(errors.New("interrupted"), "", "play the script")
			case err != nil:
				return failed(err, "", "the demo did not go as its script expects")
			}
			return nil
		}
	}
}

// outcome tells how a step of a script went.
func (s *show) outcome(o lab.Outcome) {
	switch {
	case s.p.json:
		step := map[string]any{"step": o.Step.String(), "ok": o.Err == nil, "tookMs": o.Took.Milliseconds()}
		if o.Err != nil {
			step["error"] = o.Err.Error()
		}
		_ = s.p.object(step)
	case o.Err != nil:
		s.told("✗ missed: "+o.Err.Error(), red)
	case o.Step.Verb == lab.VerbSay:
		s.said = o.Step.At
		s.told(stepWords(o.Step), bold)
	case o.Step.Verb == lab.VerbExpect:
		s.told(metWords(o), green)
	case s.said != o.Step.At:
		s.told(stepWords(o.Step), "")
	}
}

// summary is the last word.
func (s *show) summary(ok bool) {
	now := time.Now()
	for _, o := range s.outages.end(now) {
		s.outage(o)
	}
	answered, lost := s.d.Between(s.outages.firstAt, now)
	took, otherwise := now.Sub(s.began), max(lost-s.outages.lost, 0)
	if s.p.json {
		_ = s.p.object(map[string]any{"summary": map[string]any{
			"ok": ok, "tookMs": took.Milliseconds(), "switches": s.switches, "outages": s.outages.n, "downtimeMs": s.outages.sum.Milliseconds(),
			"pingsAnswered": answered, "pingsLostInOutages": s.outages.lost, "pingsLost": lost,
		}})
		return
	}
	s.line("", "")
	for _, line := range summaryWords(took, s.switches, &s.outages, answered, otherwise) {
		s.line(line, bold)
	}
}
