package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// attach takes the lock and opens the database, moving a damaged one aside. It
// fills in the report and returns the last ID that may have been given out.
// Open calls it, and later only the writer.
func (s *Store) attach(ctx context.Context) (int64, error) {
	if err := makeDir(s.opt.Dir); err != nil {
		return 0, err
	}
	if s.lock == nil {
		lock, err := holdLock(s.opt.Dir)
		if err != nil {
			return 0, err
		}
		s.lock = lock
	}
	for _, suffix := range append([]string{""}, sidecars...) {
		if err := refuseLink(s.path + suffix); err != nil {
			return 0, err
		}
	}
	before := s.known.load()
	m, err := loadMigrations(s.tune.migrations)
	if err != nil {
		return 0, err
	}
	f := &finder{path: s.path, before: before, migrations: m, condemned: s.condemned, aside: s.moveAside}
	db, err := f.open(ctx)
	if err != nil {
		return 0, err
	}
	last, err := lastEventID(ctx, db)
	if err != nil {
		return 0, errors.Join(err, db.close())
	}
	if !f.trustIDs {
		last = max(last, before.Reserved)
	}
	if err := s.known.change(func(n *note) { n.Clean = false; n.Rows = n.Rows || f.report.From > 0 }); err != nil {
		s.log.Warn("note beside the history not written", "err", err)
	}
	s.condemned = nil
	s.adopt(db, f.report)
	return max(last, before.Streamed), nil
}

// adopt starts using a database that was opened.
func (s *Store) adopt(db *database, r OpenReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report = r
	s.health = nil
	if r.ReadOnly {
		s.keepInMemoryLocked(ErrReadOnly)
	}
	s.db.Store(db)
}

// keepInMemoryLocked gives up writing, for the reason why. Store.mu is held.
func (s *Store) keepInMemoryLocked(why error) {
	s.health = why
	s.queue.memoryOnly = true
	for _, j := range s.queue.jobs {
		j.done <- why
	}
	s.queue.jobs = nil
	s.queue.moved()
}

func (s *Store) moveAside(path string) (string, error) {
	return moveAside(path, s.opt.Now())
}

// detach closes the database and gives up the lock, leaving a note that all is
// well where it is.
func (s *Store) detach() error {
	var errs []error
	if db := s.db.Swap(nil); db != nil {
		err := db.close()
		if err == nil && db.conn != nil {
			err = s.known.change(func(n *note) { n.Clean = true })
		}
		errs = append(errs, err)
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
		s.lock = nil
	}
	return errors.Join(errs...)
}

// finder opens whatever is at path, or something new in its place.
type finder struct {
	path       string
	before     note
	migrations []migration
	condemned  error // damage that was met while in use; nil: none
	aside      func(path string) (string, error)

	report   OpenReport
	trustIDs bool // the database is whole: its highest ID is the highest
}

func (f *finder) open(ctx context.Context) (*database, error) {
	l, err := f.look(ctx)
	if err != nil {
		return nil, err
	}
	if l.damage != "" {
		f.report.Reason = l.damage
		if f.report.MovedAside, err = f.aside(f.path); err != nil {
			return nil, fmt.Errorf("move damaged history aside: %w", err)
		}
		l = look{empty: true}
	}
	newest := len(f.migrations)
	if l.version > newest {
		f.report = OpenReport{ReadOnly: true, From: l.version, To: l.version}
		f.trustIDs = true
		return openNewer(f.path)
	}
	if l.empty {
		f.report.Lost = f.before.Rows
		f.report.Fresh = !f.before.Rows && f.report.MovedAside == ""
		if err := dropStray(f.path); err != nil {
			return nil, err
		}
	}
	if err := createFile(f.path); err != nil {
		return nil, err
	}
	f.report.From, f.report.To = l.version, newest
	f.trustIDs = f.trustIDs && !l.empty
	db, err := openFile(ctx, f.path, f.migrations)
	if err != nil && l.empty {
		// Half a new database is worth nothing, and would look like damage.
		err = errors.Join(err, os.Remove(f.path), dropStray(f.path))
	}
	return db, err
}

// look says what is at the path; whatever is not a database of ours is damage.
func (f *finder) look(ctx context.Context) (look, error) {
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.before.Rows {
			f.report.Reason = "the file is gone"
		}
		return look{empty: true}, nil
	}
	if err != nil {
		return look{}, err
	}
	if !info.Mode().IsRegular() {
		return look{damage: "not a file"}, nil
	}
	if f.condemned != nil {
		return look{damage: f.condemned.Error()}, nil
	}
	if info.Size() == 0 && f.before.Rows {
		return look{damage: "the file is empty"}, nil
	}
	if err := ownOnly(f.path); err != nil {
		return look{}, err
	}
	// After a crash the newest events are in the log. Without it the highest
	// ID in the database is not the highest that was given out.
	_, walErr := os.Lstat(f.path + "-wal")
	f.trustIDs = f.before.Clean || walErr == nil
	l, err := inspect(ctx, f.path, f.before.Clean)
	if err == nil && l.empty && f.before.Rows {
		l = look{damage: "the database has no tables"}
	}
	if err == nil && l.lacking && l.version <= len(f.migrations) && l.damage == "" {
		l.damage = "tables are missing"
	}
	return l, err
}

// dropStray deletes a log that is left of a database that is gone: SQLite would
// replay it into the new one.
func dropStray(path string) error {
	for _, s := range sidecars {
		if err := os.Remove(path + s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", filepath.Base(path+s), err)
		}
	}
	return nil
}
