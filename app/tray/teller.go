package main

import (
	"image"
	"log/slog"

	"holdfast/app/notify"
	"holdfast/app/tray/icon"
)

// teller hands notes to the screen from a goroutine of its own, since a desktop
// may take seconds to answer.
type teller struct {
	screen notify.Screen
	log    *slog.Logger
	todo   chan notify.Action
	done   chan struct{}
}

func newTeller(choose func(Command), w *words, log *slog.Logger) (*teller, error) {
	screen, err := notify.OpenScreen(notify.ScreenOptions{
		Picture: func(n notify.Note, size int) *image.NRGBA { return icon.Draw(pictures[n.Kind], icon.Colour, size) },
		Labels:  map[notify.Button]string{notify.Open: w.openLabel, notify.Reconnect: w.reconnectLabel},
		Pressed: func(p notify.Press) { choose(commandOf(p)) },
		Log:     log,
	})
	if err != nil {
		return nil, err
	}
	t := &teller{screen: screen, log: log, todo: make(chan notify.Action, 64), done: make(chan struct{})}
	go t.work()
	return t, nil
}

// pictures are the icons of notes. Any other is that of the program.
var pictures = map[notify.Kind]icon.Shape{
	"":                   icon.Protected,
	notify.Stall:         icon.Stuck,
	notify.AllDown:       icon.Stuck,
	notify.GuardBlocking: icon.Stuck,
	notify.Failover:      icon.Protected,
	notify.Recovery:      icon.Protected,
	notify.ActionNeeded:  icon.SignIn,
}

func commandOf(p notify.Press) Command {
	if p.Button == notify.Reconnect {
		return Command{Verb: Reconnect}
	}
	return Command{Verb: Open}
}

// do hands an action over. It blocks only where the desktop has not answered 64.
func (t *teller) do(a notify.Action) { t.todo <- a }

func (t *teller) work() {
	defer close(t.done)
	for a := range t.todo {
		if err := t.screen.Do(a); err != nil {
			t.log.Warn("a notification is not shown as it should be", "matter", string(a.Matter), "err", err)
		}
	}
}

// close does what is left to do, and lets go of the screen.
func (t *teller) close() {
	close(t.todo)
	<-t.done
	_ = t.screen.Close()
}
