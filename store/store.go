package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/service/event"
)

// What Open and the other methods promise to answer, for errors.Is.
var (
	// ErrLocked: another process has the history open.
	ErrLocked = errors.New("another process holds the history")
	// ErrUnsafe: a file of the history is a link, or the directory is not one.
	ErrUnsafe = errors.New("not a plain file of our own")
	// ErrReadOnly: the history was written by a newer version. It can be read;
	// what is new is kept in memory only.
	ErrReadOnly = errors.New("the history belongs to a newer version")
	// ErrUnavailable: the disk refuses, so the history cannot be read or
	// written now.
	ErrUnavailable = errors.New("the history cannot be reached")
	// ErrNotFound: there is no such notice or setting.
	ErrNotFound = errors.New("not found")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// Options are what Open needs.
type Options struct {
	// Dir is the state directory. It is made, with mode 0700, where it is missing.
	Dir string
	// Log gets what goes wrong behind the caller's back. Nil: slog.Default.
	Log *slog.Logger
	// Now is the clock for retention. Nil: time.Now.
	Now func() time.Time
	// Committed is told of every event once, in the order of Append, from one
	// goroutine: after the event is on disk, or, so that live streams go on,
	// 2 s after Append where the disk has not taken it by then (Health says so
	// at that moment). It must return quickly and must not call Close. Nil:
	// nobody is told.
	Committed func([]event.Event)
}

// OpenReport says what Open found.
type OpenReport struct {
	// Fresh: there was no history and there never had been.
	Fresh bool
	// MovedAside is where the damaged database is now. "": it was not damaged.
	MovedAside string
	// Lost: there had been a history, and what was found in its place had
	// none of it. With an empty MovedAside the file was gone.
	Lost bool
	// Reason says in words what was wrong. "": nothing was.
	Reason string
	// ReadOnly: the schema is newer than this program, see ErrReadOnly.
	ReadOnly bool
	// From and To are the schema before and after. They differ where a
	// migration ran; From is 0 for a new database.
	From, To int
	// Unavailable: the disk refused to open the history, which is tried again
	// as soon as there is something to write; Health says why.
	Unavailable bool
}

// Store is an open history. Its methods may be called from any goroutine.
type Store struct {
	opt   Options
	tune  tuning
	log   *slog.Logger
	wish  *WishFile
	path  string
	known *known
	lock  *os.File
	// condemned is the damage that the database showed in use, until it has
	// been moved aside. Only Open and the writer touch it.
	condemned error

	// db is replaced when a damaged database is moved aside. Nil: unavailable.
	db atomic.Pointer[database]

	mu     sync.Mutex
	report OpenReport // guarded by mu
	lastID int64      // set by Open, then constant
	queue  queue      // guarded by mu
	health error      // guarded by mu
	closed bool       // guarded by mu

	wakeWriter    chan struct{} // holds one signal
	wakeAnnouncer chan struct{} // holds one signal
	writerDone    chan struct{} // closed by the writer
	announcerDone chan struct{} // closed by the announcer
	noting        sync.WaitGroup
	isNoting      atomic.Bool // one goroutine of noting runs
	closeOnce     sync.Once
	closeErr      error
}

// Open opens the history in o.Dir, making, migrating or replacing it as
// needed; Report says which. It answers ErrLocked and ErrUnsafe. A disk that
// refuses is no error: the store then keeps what it is given in memory and
// tries again.
func Open(ctx context.Context, o Options) (*Store, error) {
	return open(ctx, o, defaultTuning())
}

func open(ctx context.Context, o Options, t tuning) (_ *Store, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{
		opt: o, tune: t, log: o.Log,
		wish:          NewWishFile(o.Dir),
		path:          filepath.Join(o.Dir, dbName),
		known:         &known{path: filepath.Join(o.Dir, knownName)},
		wakeWriter:    make(chan struct{}, 1),
		wakeAnnouncer: make(chan struct{}, 1),
		writerDone:    make(chan struct{}),
		announcerDone: make(chan struct{}),
	}
	s.queue.init(t.backlog)
	if err := s.openFirst(ctx); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	go s.writeLoop()
	go s.announceLoop()
	return s, nil
}

// openFirst opens what is needed before the goroutines start.
func (s *Store) openFirst(ctx context.Context) error {
	last, err := s.attach(ctx)
	if err == nil {
		s.lastID = last
		return nil
	}
	if errors.Is(err, ErrLocked) || errors.Is(err, ErrUnsafe) || ctx.Err() != nil {
		return errors.Join(err, s.detach())
	}
	// Without the database the last ID is known only from the note beside it.
	// With neither to be read an ID could be given out twice.
	s.known.load() // what failed may have come before it was read
	last, isKept := s.known.says()
	if _, statErr := os.Lstat(s.path); !errors.Is(statErr, fs.ErrNotExist) && !isKept {
		return errors.Join(err, s.detach())
	}
	s.lastID = last
	s.report = OpenReport{Unavailable: true, Reason: err.Error()}
	s.health = fmt.Errorf("%w: %w", ErrUnavailable, err)
	if errors.Is(err, errMigration) {
		s.queue.memoryOnly = true // trying again would fail again
	}
	s.log.Warn("history not open, kept in memory", "err", err)
	return nil
}

// Report says what Open found.
func (s *Store) Report() OpenReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report
}

// LastEventID is the highest event ID that may have been given out before Open.
// New events go on above it. 0: none. It may leave a gap where the history was
// lost, so that an ID is never used twice.
func (s *Store) LastEventID() int64 { return s.lastID }

// Health is nil while the history is complete and can be written, and otherwise
// says why not. ErrReadOnly and ErrUnavailable can be told apart.
func (s *Store) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

// SaveWish keeps the wish, on disk before it returns.
func (s *Store) SaveWish(w wish) error { return s.wish.Save(w) }

// LoadWish returns the kept wish, as WishFile.Load does.
func (s *Store) LoadWish() (wish, error) { return s.wish.Load() }

// Close writes what is queued, closes the database and gives up the lock. It
// answers an error where something queued could not be written. Further calls
// of Append and the like do nothing.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		signal(s.wakeWriter)
		<-s.writerDone
		signal(s.wakeAnnouncer)
		<-s.announcerDone
		s.noting.Wait()
		s.closeErr = s.finish()
	})
	return s.closeErr
}

// finish closes the files after both goroutines have ended.
func (s *Store) finish() error {
	var unwritten error
	if n := s.queue.unwritten(); n > 0 {
		unwritten = fmt.Errorf("close store: %d entries not written: %w", n, s.health)
	}
	return errors.Join(unwritten, s.detach())
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
