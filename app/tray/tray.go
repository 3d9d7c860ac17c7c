package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
	"time"

	"holdfast/app/agent"
	"holdfast/app/client"
	"holdfast/app/notify"
	"holdfast/app/prefs"
	"holdfast/service/event"
	"holdfast/service/status"
)

// lostAfter is how long the service may not answer until the icon says so: a
// restart of the service is not worth a glance.
const lostAfter = 3 * time.Second

// tray is the program at work. One goroutine, that of keep, owns what changes;
// everything else sends to it. It is made once.
type tray struct {
	opt     options
	log     *slog.Logger
	desk    desktop
	client  *client.Client
	prefs   *prefs.Store
	page    page
	face    face
	teller  *teller // nil: nobody shows notifications
	chosen  chan Command
	heard   chan heard
	lists   chan lists
	settled chan outcome
	workers sync.WaitGroup

	// Owned by keep.
	view     View
	notes    *notify.Desk
	shown    Menu
	language event.Language
	refollow context.CancelFunc // ends the reading of the stream
	downAt   time.Time          // since when the service does not answer; zero: it does
	loading  bool
	stale    bool // the lists changed while they were loaded
	asked    bool // a note about a command that failed is on the screen
	wake     *time.Timer
	lonely   time.Time // when to say that there is no tray; zero: it is not to be said
}

func newTray(o options, d desktop, log *slog.Logger) (*tray, error) {
	path, err := prefs.Path()
	if err != nil {
		return nil, err
	}
	t := &tray{
		opt: o, log: log, desk: d, client: client.New(o.socket), prefs: prefs.Open(path), notes: notify.NewDesk(),
		chosen: make(chan Command, 16), heard: make(chan heard), lists: make(chan lists), settled: make(chan outcome),
		wake: time.NewTimer(time.Hour),
	}
	t.wake.Stop()
	if err := t.prefs.Damage(); err != nil {
		log.Warn("your preferences are as if you had set none", "err", err)
	}
	t.setLanguage(t.prefs.Get())
	if t.page, err = servePage(o, t.prefs, log); err != nil {
		// The icon and the notifications are worth having by themselves.
		log.Error("the page cannot be served", "err", err)
		t.page = noPage{err}
	}
	t.face = newFace(faceOptions{style: o.style, choose: t.choose})
	if t.teller, err = newTeller(t.choose, wordsIn(t.language), log); err != nil {
		log.Warn("nothing is told on the desktop", "err", err)
	}
	t.view.Notify = t.teller != nil
	if !d.hasTray() {
		t.lonely = time.Now().Add(watcherWait)
	}
	return t, nil
}

// run shows the icon until the person quits, ctx is done, or the desktop ends.
func (t *tray) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.shown = MenuOf(t.view, time.Now())
	t.workers.Go(func() {
		if err := t.page.Run(ctx); err != nil {
			t.log.Error("the page is not served any more", "err", err)
		}
	})
	kept := make(chan struct{})
	t.face.run(t.shown, func() {
		go func() {
			defer close(kept)
			defer t.face.quit()
			t.keep(ctx)
		}()
	})
	<-kept
	cancel()
	t.workers.Wait()
	t.client.Close()
}

// choose hands over what the person chose. It does not block.
func (t *tray) choose(c Command) {
	select {
	case t.chosen <- c:
	default: // sixteen are waiting already
	}
}

// keep makes the menu and the notifications the same as what is, until the
// person quits or ctx is done.
func (t *tray) keep(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed, unsubscribe := t.prefs.Subscribe()
	defer unsubscribe()
	defer t.leave()
	t.follow(ctx)
	for {
		t.refresh(time.Now())
		select {
		case h := <-t.heard:
			t.hear(ctx, h)
		case l := <-t.lists:
			t.take(ctx, l)
		case o := <-t.settled:
			t.settle(ctx, o)
		case c := <-t.chosen:
			if c.Verb == Quit {
				return
			}
			t.carryOut(ctx, c)
		case p := <-changed:
			if t.setLanguage(p) {
				t.follow(ctx)
			}
		case <-t.wake.C:
		case <-t.desk.gone():
			return
		case <-ctx.Done():
			return
		}
	}
}

// leave takes the notifications back: nobody would answer their buttons.
func (t *tray) leave() {
	t.refollow()
	if t.teller == nil {
		return
	}
	for _, a := range append(t.notes.Leave(), notify.Action{Matter: askedMatter}, notify.Action{Matter: lonelyMatter}) {
		t.teller.do(a)
	}
	t.teller.close()
}

// refresh shows what has changed, and sets the one timer for what time alone
// changes: nothing, while all is well.
func (t *tray) refresh(now time.Time) {
	p := t.prefs.Get()
	t.view.PausedUntil = p.Notify.PausedUntil
	t.view.Lost = !t.downAt.IsZero() && !now.Before(t.downAt.Add(lostAfter))
	if menu := MenuOf(t.view, now); !reflect.DeepEqual(menu, t.shown) {
		t.shown = menu
		t.face.show(menu)
	}
	t.tell(now, p)
	t.sayLonely(now)
	t.setWake(now)
}

// tell shows and closes notifications.
func (t *tray) tell(now time.Time, p prefs.Prefs) {
	if t.teller == nil || t.view.Status == nil && t.downAt.IsZero() {
		return
	}
	var picture *status.Status
	if t.downAt.IsZero() {
		picture = &t.view.Status.Status
	}
	for _, a := range t.notes.Look(now, rulesOf(p, t.language), picture) {
		t.teller.do(a)
	}
}

func (t *tray) setWake(now time.Time) {
	next := time.Time{}
	sooner := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if !t.downAt.IsZero() {
		sooner(t.downAt.Add(lostAfter))
	}
	if t.teller != nil {
		sooner(t.notes.Next())
	}
	sooner(t.view.PausedUntil)
	sooner(t.lonely)
	t.wake.Stop()
	if !next.IsZero() {
		t.wake.Reset(next.Sub(now))
	}
}

// setLanguage says whether the language is another than before.
func (t *tray) setLanguage(p prefs.Prefs) bool {
	l := languageOf(p.Language, desktopLanguages())
	if t.language == l {
		return false
	}
	t.language, t.view.Language = l, l
	t.client = t.client.In(string(l))
	return true
}

// showRunning opens the page of the tray that is there already, as a second
// click on a program does.
func showRunning(ctx context.Context, o options, log *slog.Logger) int {
	if _, err := agent.Knock(ctx, "", o.socket, ""); err != nil {
		log.Error("the tray is running, and does not open its page", "err", err)
		return exitFailed
	}
	fmt.Fprintln(os.Stderr, "The tray is running already; its page opens in your browser.")
	return exitDone
}
