package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

// idleBefore is how long the demo waits for a first key before it plays by
// itself.
const idleBefore = 15 * time.Second

const (
	keyTab    = '\t'
	keyCtrlC  = 0x03
	keyCtrlD  = 0x04
	keyEscape = 0x1b
)

// interact lets the person break things by key presses. Who presses none is
// shown the fixed series of faults.
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
	s.screen.newline = "\r\n"
	return newKeyboard(s).run(ctx, in, idleBefore)
}

// keyboard is the demo with the person at the keys.
type keyboard struct {
	*show
	// server is whom the next fault hits. "": the active one.
	server tunnel.Name
	// stop ends the series of faults that plays by itself; nil: none plays.
	stop context.CancelFunc
	// outcomes are what that series did; it is closed when the series has ended.
	// Nil: none plays.
	outcomes chan lab.Outcome
}

func newKeyboard(s *show) *keyboard {
	k := &keyboard{show: s}
	s.tail = k.tail
	return k
}

// run reads keys until q, Ctrl-C, the end of the input or of ctx.
func (k *keyboard) run(ctx context.Context, in io.Reader, idleBefore time.Duration) error {
	keys, done := make(chan byte), make(chan struct{})
	defer close(done)
	go readKeys(in, keys, done)
	k.intro()
	k.help(false)
	idle := time.NewTimer(idleBefore)
	defer idle.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			k.summary(true)
			return nil
		case key, ok := <-keys:
			idle.Stop()
			if !ok || key == 'q' || key == keyCtrlC || key == keyCtrlD {
				k.quiet()
				k.summary(true)
				return nil
			}
			k.press(ctx, key)
		case e := <-k.events:
			k.event(e)
		case line := <-k.logs:
			k.log(line)
		case o, ok := <-k.outcomes:
			k.played(o, ok)
		case err := <-k.pageOpened():
			k.opened(err)
		case now := <-look.C:
			k.look(now)
		case step := <-k.d.Acts():
			idle.Stop()
			k.takeOver()
			k.told("On the page: "+stepWords(step), bold)
		case <-idle.C:
			if k.d.Watched() {
				idle.Reset(idleBefore) // the page is open: they are reading
				continue
			}
			k.byItself(ctx)
		}
	}
}

// readKeys hands on key by key until the input ends or done is closed. What
// begins with an escape is one key of several bytes, such as an arrow: it has
// no meaning here.
func readKeys(in io.Reader, keys chan<- byte, done <-chan struct{}) {
	defer close(keys)
	var b [64]byte
	for {
		n, err := in.Read(b[:])
		for _, key := range b[:n] {
			if key == keyEscape {
				break
			}
			select {
			case keys <- key:
			case <-done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// help lists the keys: the first ones, or all.
func (k *keyboard) help(all bool) {
	first, others := menu()
	k.line("Press a key to break the server in use; the same key again heals it:", bold)
	if all {
		first = append(first, others...)
	}
	for _, c := range first {
		k.screen.line(fmt.Sprintf("  %c  %-19s  ", c.key, c.fault.Name), "", c.fault.What, faint)
	}
	k.line("n no network · h heal everything · o open the page · Tab next server · ? all keys · q quit", "")
	if !all {
		k.line(fmt.Sprintf("Without a key for %d s, and with the page closed, the demo plays by itself.", int(idleBefore.Seconds())), "")
	}
	k.line("", "")
}

// tail says whom the keys hit and what is broken.
func (k *keyboard) tail() string {
	line := ""
	if server := k.target(); server != "" {
		line = " · keys break " + string(server)
	}
	if k.offline() {
		return line + " · network off"
	}
	var broken []string
	for _, name := range k.d.Servers() {
		if len(k.d.Broken(name)) > 0 {
			broken = append(broken, string(name))
		}
	}
	if len(broken) > 0 {
		line += " · broken: " + strings.Join(broken, ", ")
	}
	return line
}

// target is the server that the next fault hits; "": none is active.
func (k *keyboard) target() tunnel.Name {
	if k.server != "" {
		return k.server
	}
	return tunnel.Name(k.d.Now(lab.SubjectActive))
}

// offline says that the network was taken away.
func (k *keyboard) offline() bool { return k.d.Status().Underlay != "ok" }

// byItself plays the fixed series until a key is pressed.
func (k *keyboard) byItself(ctx context.Context) {
	k.told("No key was pressed: the demo plays by itself now. Any key takes over.", bold)
	ctx, k.stop = context.WithCancel(ctx)
	outcomes := make(chan lab.Outcome)
	k.outcomes = outcomes
	go func() {
		defer close(outcomes)
		// What goes wrong is told step by step.
		_ = lab.AutoScript().Play(ctx, k.d, func(o lab.Outcome) {
			select {
			case outcomes <- o:
			case <-ctx.Done():
			}
		})
	}()
}

// played tells a step of the series, or that it has ended.
func (k *keyboard) played(o lab.Outcome, ok bool) {
	if ok {
		if o.Step.Verb != lab.VerbExpect || o.Err != nil { // what is as expected is seen
			k.outcome(o)
		}
		return
	}
	k.quiet()
	k.told("That was the series. Now it is your turn: ? lists the keys, q quits.", bold)
}

// quiet ends the series, and says whether one was played.
func (k *keyboard) quiet() bool {
	if k.stop == nil {
		return false
	}
	k.stop()
	k.stop, k.outcomes = nil, nil
	return true
}

// takeOver ends the series that plays by itself, where one does.
func (k *keyboard) takeOver() {
	if k.quiet() {
		k.told("You have taken over. What the series broke stays broken until h heals it.", bold)
	}
}

// press does what a key stands for.
func (k *keyboard) press(ctx context.Context, key byte) {
	k.takeOver()
	switch key {
	case '?':
		k.help(true)
	case keyTab:
		k.server = k.after(k.server)
		if k.server == "" {
			k.told("Keys break the server in use.", "")
		} else {
			k.told(fmt.Sprintf("Keys break %s, in use or not.", k.server), "")
		}
	case 'o':
		if k.page != nil {
			k.page.open(ctx)
		}
	case 'h':
		k.did("Everything is healed.", k.d.Heal())
	case 'n':
		step := lab.Step{Verb: lab.VerbNetwork, Up: k.offline()}
		k.did(stepWords(step), k.d.Do(step))
	default:
		k.fault(key)
	}
}

// pageOpened is told how opening the page went; nil: there is no page.
func (k *keyboard) pageOpened() <-chan error {
	if k.page == nil {
		return nil
	}
	return k.page.opened
}

// opened tells how opening the page went. Where no browser could be opened, the
// person may give the address to one of their own.
func (k *keyboard) opened(err error) {
	if err == nil {
		k.told("The page is opening in your browser.", "")
		return
	}
	k.told(fmt.Sprintf("The page was not opened: %s. Give this address to a browser within a minute:", err), "")
	k.line(k.page.link(), "")
}

// after is the server that follows in the round, "" standing for the active one.
func (k *keyboard) after(name tunnel.Name) tunnel.Name {
	round := append([]tunnel.Name{""}, k.d.Servers()...)
	return round[(slices.Index(round, name)+1)%len(round)]
}

// fault breaks what the key stands for, or heals it when it is broken already.
func (k *keyboard) fault(key byte) {
	f, ok := chosen(key)
	if !ok {
		if key > ' ' && key < 0x7f {
			k.told(fmt.Sprintf("The key %c does nothing; ? lists the keys.", key), "")
		}
		return
	}
	server := k.target()
	if server == "" {
		k.told("No server is in use; choose one with Tab.", "")
		return
	}
	step := lab.Step{Verb: lab.VerbBreak, Server: server, Faults: []lab.Fault{f.Key}}
	if slices.Contains(k.d.Broken(server), f.Key) {
		step.Verb = lab.VerbHeal
	}
	k.did(stepWords(step), k.d.Do(step))
}

// did tells what was done, or why it was not.
func (k *keyboard) did(text string, err error) {
	if err != nil {
		k.told("That did not work: "+err.Error(), red)
		return
	}
	k.told(text, bold)
}
