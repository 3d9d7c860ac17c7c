package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

const (
	// idleLife is how long a session lasts that nobody uses; after it the page
	// must be opened again.
	idleLife = 30 * time.Minute
	// wholeLife is how long a session lasts at most.
	wholeLife = 12 * time.Hour
	// maxSessions is how many there may be; one more ends the one that was used
	// least recently.
	maxSessions = 5
)

// session is one browser tab, or several, that may ask. An open stream counts as
// use: a page that is open and visible keeps its stream open, and closes it while
// it is hidden; so a page that a person leaves open lasts for wholeLife, and one
// that is hidden or was closed for idleLife.
type session struct {
	id       string // to name it in the list; it proves nothing
	digest   digest
	readOnly bool
	browser  string // what the browser calls itself, in one word
	begun    time.Time
	ctx      context.Context // over when the session is
	cancel   context.CancelFunc

	// guarded by sessions.mu
	used    time.Time
	streams int
}

// sessions are all that are open, in memory only. One that nobody uses is dropped
// when the next is looked for; one that reaches wholeLife ends its streams by the
// deadline of its context.
type sessions struct {
	mu   sync.Mutex
	open []*session // oldest first
}

func newSessions() *sessions { return &sessions{} }

// begin opens a session and returns its token, which is kept nowhere.
func (s *sessions) begin(readOnly bool, browser string) string {
	token, now := secret(), time.Now()
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	each := &session{
		id: hex.EncodeToString(id), digest: digestOf(token), readOnly: readOnly, browser: browser,
		begun: now, used: now,
	}
	each.ctx, each.cancel = context.WithTimeout(context.Background(), wholeLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOldLocked(now)
	if len(s.open) == maxSessions {
		s.endLocked(slices.MinFunc(s.open, func(a, b *session) int { return a.lastUse(now).Compare(b.lastUse(now)) }))
	}
	s.open = append(s.open, each)
	return token
}

// find returns the session of a token, which counts as a use of it. Nil: there
// is none, or it is over.
func (s *sessions) find(token string) *session {
	d, now := digestOf(token), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOldLocked(now)
	var found *session
	for _, each := range s.open {
		if each.digest.equals(d) {
			found = each
		}
	}
	if found != nil {
		found.used = now
	}
	return found
}

// stream counts a stream of a session until the returned function is called.
func (s *sessions) stream(of *session) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of.streams++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		of.streams--
		of.used = time.Now()
	})
}

// end ends the session of that id. False: there is none.
func (s *sessions) end(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, each := range s.open {
		if each.id == id {
			s.endLocked(each)
			return true
		}
	}
	return false
}

func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.open) > 0 {
		s.endLocked(s.open[0])
	}
}

// list returns every session that is not over, oldest first.
func (s *sessions) list() []sessionView {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOldLocked(now)
	views := make([]sessionView, 0, len(s.open))
	for _, each := range s.open {
		views = append(views, sessionView{
			ID: each.id, Browser: each.browser, ReadOnly: each.readOnly,
			Begun: each.begun.UTC(), Used: each.lastUse(now).UTC(), Until: each.begun.Add(wholeLife).UTC(),
		})
	}
	return views
}

// lastUse is now while a stream is open. sessions.mu is held.
func (e *session) lastUse(now time.Time) time.Time {
	if e.streams > 0 {
		return now
	}
	return e.used
}

// endLocked ends a session and its streams. sessions.mu is held.
func (s *sessions) endLocked(e *session) {
	e.cancel()
	s.open = slices.DeleteFunc(s.open, func(each *session) bool { return each == e })
}

// dropOldLocked ends the sessions whose time is over. sessions.mu is held.
func (s *sessions) dropOldLocked(now time.Time) {
	for _, e := range slices.Clone(s.open) {
		if now.Sub(e.begun) >= wholeLife || now.Sub(e.lastUse(now)) >= idleLife {
			s.endLocked(e)
		}
	}
}
