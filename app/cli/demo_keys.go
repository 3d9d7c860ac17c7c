package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

// faultKeys are the keys of the faults, in the order of lab.Faults.
const faultKeys = "1234567890abcdefgijklmoprstuvwxyz"

// keyboard is the demo with the person at the keys.
type keyboard struct {
	*show
	// server is whom the next fault hits. "": the active one.
	server tunnel.Name
	// stop ends the series of faults that plays by itself; nil: none plays.
	stop context.CancelFunc
	// outcomes are what that series did.
	outcomes chan lab.Outcome
	down     bool // the network was taken away
}

func newKeyboard(s *show) *keyboard { return &keyboard{show: s, outcomes: make(chan lab.Outcome, 16)} }

// run reads keys until q, Ctrl-C or the end of ctx.
func (k *keyboard) run(ctx context.Context, in io.Reader) error {
	keys := make(chan byte)
	go read(in, keys)
	k.help()
	idle := time.NewTimer(idleBefore)
	defer idle.Stop()
	redraw := time.NewTicker(500 * time.Millisecond)
	defer redraw.Stop()
	for {
		k.draw()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case key, ok := <-keys:
			idle.Stop()
			if !ok || key == 'q' || key == 3 {
				k.takeOver()
				k.summary(nil)
				return nil
			}
			k.press(key)
		case e := <-k.events:
			k.event(e)
		case o := <-k.outcomes:
			k.outcome(o)
		case <-redraw.C:
		case <-idle.C:
			k.byItself(ctx)
		}
	}
}

// read hands on key by key until the input ends.
func read(in io.Reader, keys chan<- byte) {
	defer close(keys)
	var b [1]byte
	for {
		if n, err := in.Read(b[:]); n == 0 || err != nil {
			return
		}
		keys <- b[0]
	}
}

// help lists the keys.
func (k *keyboard) help() {
	k.line("%s", k.paint.in(bold, "Press a key to break the active server (Tab chooses another one):"))
	for i, f := range lab.Faults() {
		if i < len(faultKeys) {
			k.line("  %c  %-26s %s", faultKeys[i], f.Name, k.paint.in(faint, f.What))
		}
	}
	k.line("  n  no network at all         h  heal everything         ?  this list         q  quit")
	k.line("")
}

// draw puts the picture on the last line.
func (k *keyboard) draw() {
	hits := "the active server"
	if k.server != "" {
		hits = string(k.server)
	}
	_ = k.p.say("\r\x1b[2K%s · next fault hits %s ", k.state(), hits)
	k.drawn = true
}

// byItself plays the fixed series until a key is pressed.
func (k *keyboard) byItself(ctx context.Context) {
	k.told("No key was pressed: the demo plays by itself. Any key takes over.")
	ctx, k.stop = context.WithCancel(ctx)
	go func() {
		// What went wrong has been told step by step.
		_ = lab.AutoScript().Play(ctx, k.d, func(o lab.Outcome) {
			select {
			case k.outcomes <- o:
			case <-ctx.Done():
			}
		})
	}()
}

// takeOver ends the series that plays by itself.
func (k *keyboard) takeOver() {
	if k.stop != nil {
		k.stop()
		k.stop = nil
		k.told("You have taken over.")
	}
}

// press does what a key stands for.
func (k *keyboard) press(key byte) {
	k.takeOver()
	switch key {
	case '?':
		k.help()
	case '\t':
		k.server = k.after(k.server)
	case 'h':
		k.down = false
		k.did("Everything is healed.", k.d.Heal())
	case 'n':
		k.down = !k.down
		k.did(map[bool]string{true: "The network is gone.", false: "The network is back."}[k.down],
			k.d.Do(lab.Step{Verb: lab.VerbNetwork, Up: !k.down}))
	default:
		k.fault(key)
	}
}

// after is the server that follows in the round, "" standing for the active one.
func (k *keyboard) after(name tunnel.Name) tunnel.Name {
	round := append([]tunnel.Name{""}, k.d.Servers()...)
	for i, n := range round {
		if n == name {
			return round[(i+1)%len(round)]
		}
	}
	return ""
}

// fault breaks what the key stands for, or heals it when it is broken already.
func (k *keyboard) fault(key byte) {
	faults := lab.Faults()
	for i := range faults {
		if i >= len(faultKeys) || faultKeys[i] != key {
			continue
		}
		f := faults[i]
		server := k.server
		if server == "" {
			server = tunnel.Name(k.d.Now(lab.SubjectActive))
		}
		if server == "" {
			k.told("No server is active; choose one with Tab.")
			return
		}
		step := lab.Step{Verb: lab.VerbBreak, Server: server, Faults: []lab.Fault{f.Key}}
		text := fmt.Sprintf("%s: %s. %s", server, f.Name, f.What)
		for _, on := range k.d.Broken(server) {
			if on == f.Key {
				step.Verb, text = lab.VerbHeal, fmt.Sprintf("%s: %s is healed.", server, f.Name)
			}
		}
		k.did(text, k.d.Do(step))
		return
	}
}

// did tells what was done, or why it was not.
func (k *keyboard) did(text string, err error) {
	if err != nil {
		text = "That did not work: " + err.Error()
	}
	k.told("%s", k.paint.in(bold, text))
}
