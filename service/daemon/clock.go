package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"holdfast/service/clock"
	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/store"
)

const (
	// floorKey is where the store keeps the floor of the clock.
	floorKey = "clock_floor"
	// floorEvery is how far apart the floor is written. What a crash loses of it
	// the clock has passed before the service is back.
	floorEvery = time.Minute
	// floorWithin bounds the last writing of it.
	floorWithin = 2 * time.Second
	// While handshakes are held back a page is asked for the date, first after
	// pageFirst and then ever more seldom, down to every pageMost.
	pageFirst = 10 * time.Second
	pageMost  = 10 * time.Minute
)

// memory is where the floor is kept.
type memory interface {
	Setting(ctx context.Context, key string) (string, error)
	PutSetting(ctx context.Context, key, value string) error
}

const (
	// nowWithin is how long a server has to answer what is dated now, and
	// laterWithin what is dated later: some attempts each.
	nowWithin   = 1500 * time.Millisecond
	laterWithin = 2500 * time.Millisecond
)

// dated asks servers with questions of any date.
type dated interface {
	AskStamped(ctx context.Context, id tunnel.Name, stamp time.Time) (answered bool, err error)
	Counters(id tunnel.Name) (tunnel.Counters, error)
}

// timekeeper lets initiations leave while the clock can be trusted to date
// them, and tells of it where it cannot. While all is well and nothing is sent
// it has no timer.
type timekeeper struct {
	read   func() clock.Reading
	memory memory
	log    *slog.Logger
	// record writes events down, page tells by how far the clock is ahead of a
	// page's date (false: none told; nil: none may be asked), resume asks for the
	// handshakes that were held back.
	record func(context.Context, ...event.Event) error
	page   func(context.Context) (ahead time.Duration, known bool)
	resume func()
	// server asks a member's server.
	server dated

	news chan struct{} // holds one: the guard has something to look at

	mu    sync.Mutex
	guard *clock.Guard
	held  bool // an initiation was held back, and none has left since
	told  bool // the notice is open

	// The rest belongs to the goroutine in run.
	kept    time.Time // the floor that is in the store
	keptAt  time.Time // when it was written last; zero: not in this run
	askAt   time.Time // when a page is asked next; zero: at once
	askWait time.Duration
}

// newTimekeeper reads the floor of earlier runs.
func newTimekeeper(ctx context.Context, built time.Time, read func() clock.Reading, m memory, log *slog.Logger) *timekeeper {
	k := &timekeeper{read: read, memory: m, log: log, news: make(chan struct{}, 1)}
	text, err := m.Setting(ctx, floorKey)
	if err == nil {
		k.kept, err = time.Parse(time.RFC3339Nano, text)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		log.Warn("it is not known which dates have left before", "err", err)
	}
	k.guard = clock.New(built, k.kept)
	k.guard.Observe(read())
	return k
}

// poke has the clock looked at.
func (k *timekeeper) poke() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// initiate is asked before each initiation.
func (k *timekeeper) initiate(stamp time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	may := k.guard.Initiate(k.read(), stamp)
	s := k.guard.State()
	k.held = !may && s.Trust == clock.Ahead
	if k.held || s.Floor.After(k.kept) {
		k.poke()
	}
	return may
}

// state judges the clock of now.
func (k *timekeeper) state() clock.State {
	k.mu.Lock()
	defer k.mu.Unlock()
	if step := k.guard.Observe(k.read()); step != 0 {
		k.log.Info("the clock was set", "by", step)
	}
	return k.guard.State()
}

// late asks the server of a member whether the clock is why it does not answer.
// A date after the floor would itself make a server that never saw the floor
// refuse what is dated now. So only a server is asked that has completed a
// handshake with a date after the present, and only when it did not answer one
// of now.
func (k *timekeeper) late(ctx context.Context, id tunnel.Name) (asked, proven bool) {
	s, now := k.state(), k.read().Wall
	c, err := k.server.Counters(id)
	if err != nil || s.Trust != clock.Behind || !c.LastHandshake.After(now) {
		return false, false
	}
	ask := func(within time.Duration, stamp time.Time) bool {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		answered, err := k.server.AskStamped(ctx, id, stamp)
		if err != nil {
			k.log.Debug("ask with another date", "tunnel", string(id), "err", err)
		}
		return answered
	}
	if ask(nowWithin, now) {
		return true, false
	}
	return true, ask(laterWithin, s.Floor.Add(clock.Tick))
}

// vouch takes the clock for right, where the person wants the tunnel although
// they were told that the clock jumped.
func (k *timekeeper) vouch() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.told && k.guard.State().Trust == clock.Ahead {
		k.log.Info("the clock is taken for right, since the person connects again")
		k.guard.Vouch(k.read())
		k.poke()
	}
}

// run keeps the floor and tells of the clock until ctx ends.
func (k *timekeeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), floorWithin)
			defer cancel()
			k.keepFloor(last)
			return
		case <-k.news:
		case <-timer.C:
		}
		timer.Stop()
		next := k.judge(ctx)
		if at := k.keptAt.Add(floorEvery); k.floor().After(k.kept) {
			if !at.After(time.Now()) {
				k.keepFloor(ctx)
			} else if next.IsZero() || at.Before(next) {
				next = at
			}
		}
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

func (k *timekeeper) floor() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.guard.State().Floor
}

// keepFloor writes the floor where it has risen.
func (k *timekeeper) keepFloor(ctx context.Context) {
	floor := k.floor()
	if !floor.After(k.kept) {
		return
	}
	k.keptAt = time.Now()
	if err := k.memory.PutSetting(ctx, floorKey, floor.UTC().Format(time.RFC3339Nano)); err != nil {
		k.log.Warn("keep the latest date that has left", "err", err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = floor
}

// judge opens and clears the notice, and returns when it wants to be called
// again. Zero: not before something happens.
func (k *timekeeper) judge(ctx context.Context) (next time.Time) {
	s := k.state()
	k.mu.Lock()
	held, told := k.held, k.told
	k.mu.Unlock()
	switch {
	case s.Trust != clock.Ahead:
		k.askAt, k.askWait = time.Time{}, 0
		if told {
			k.tell(ctx, false, event.Event{Kind: event.NoticeCleared, From: string(event.CodeClockAhead)})
		}
		if held {
			k.mu.Lock()
			k.held = false
			k.mu.Unlock()
			k.resume()
		}
		return time.Time{}
	case !held && !told:
		return time.Time{} // nobody needs a date
	case !k.askAt.After(time.Now()):
		if k.confirm(ctx) {
			return time.Now()
		}
		k.askWait = min(max(2*k.askWait, pageFirst), pageMost)
		k.askAt = time.Now().Add(k.askWait)
		s = k.state()
	}
	if !told {
		k.tell(ctx, true, opened(event.CodeClockAhead, whyHeld(s)))
	}
	return k.askAt
}

// confirm asks a page for the date.
func (k *timekeeper) confirm(ctx context.Context) bool {
	if k.page == nil {
		return false
	}
	ahead, known := k.page(ctx)
	if !known {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.read()
	agreed := k.guard.Confirm(r, r.Wall.Add(-ahead))
	k.log.Info("a page told the date", "ahead", ahead, "agreed", agreed)
	return agreed
}

// tell records that the notice is open or not. It is known before anybody can
// have read it, so that the answer to it is taken for one.
func (k *timekeeper) tell(ctx context.Context, open bool, e event.Event) {
	k.setTold(open)
	if err := k.record(ctx, e); err != nil {
		k.setTold(!open)
		if ctx.Err() == nil {
			k.log.Warn("tell of the clock", "err", err)
		}
	}
}

func (k *timekeeper) setTold(open bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = open
}

// whyHeld says for a person why handshakes are held back.
func whyHeld(s clock.State) string {
	switch {
	case s.Wrong > 0:
		return "A page on the internet says that the clock is ahead by " + far(s.Wrong) + "."
	case s.Wrong < 0:
		return "A page on the internet says that the clock is behind by " + far(-s.Wrong) + "."
	case s.Outlived:
		return "The date is more than ten years after this version was built."
	default:
		return "The clock went forward by " + far(s.Jumped) + " without reason."
	}
}

// far writes how far clocks are apart.
func far(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 2*day {
		return event.Span(d.Round(time.Minute))
	}
	return strconv.Itoa(int(d/day)) + " days"
}
