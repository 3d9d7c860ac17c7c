package prefs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// maxFile bounds what is read of the file, in bytes.
const maxFile = 64 << 10

// Store keeps the preferences in a file and tells who listens of each change. It
// is safe for concurrent use. Another process of the person's may change the file
// too: what Get returns is at least as new as the file was when it was called.
type Store struct {
	path string

	mu     sync.Mutex
	now    Prefs
	seen   fs.FileInfo // of the file that was read last; nil: there was none
	seats  map[chan Prefs]struct{}
	damage error
}

// Path is where the preferences are kept by the system's custom.
func Path() (string, error) {
	dir, err := configDir()
	if err != nil {
		return "", fmt.Errorf("find your config folder: %w", err)
	}
	return filepath.Join(dir, "prefs.json"), nil
}

// Forget removes the preferences and what else is kept in their folder.
func Forget() error {
	dir, err := configDir()
	if err != nil {
		return fmt.Errorf("find your config folder: %w", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove your preferences: %w", err)
	}
	return nil
}

// Open reads the preferences in a file. Where there is none, they are Default,
// and the file is made by the first change. A file that cannot be understood
// counts as none; Damage tells of it, and the first change puts it aside.
func Open(path string) *Store {
	s := &Store{path: path, now: Default(), seats: map[chan Prefs]struct{}{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshLocked()
	return s
}

// Damage says what is wrong with the file. Nil: nothing is.
func (s *Store) Damage() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damage
}

// Get returns the preferences.
func (s *Store) Get() Prefs {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshLocked()
	return s.now.clone()
}

// Change changes preferences: what change makes of them is kept, unless it
// returns an error or makes something that is no preference. It returns what
// they are now.
func (s *Store) Change(change func(*Prefs) error) (Prefs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refreshLocked()
	next := s.now.clone()
	if err := change(&next); err != nil {
		return s.now.clone(), err
	}
	if err := next.Check(); err != nil {
		return s.now.clone(), err
	}
	if err := s.writeLocked(next); err != nil {
		return s.now.clone(), fmt.Errorf("keep your preferences: %w", err)
	}
	s.setLocked(next)
	return next.clone(), nil
}

// Subscribe returns a channel that holds the latest preferences not yet read,
// from the next change on, and what ends the subscription. The channel is never
// closed. Who changes the file from another process is heard of at the next Get.
func (s *Store) Subscribe() (<-chan Prefs, func()) {
	seat := make(chan Prefs, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seats[seat] = struct{}{}
	return seat, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.seats, seat)
	}
}

// setLocked takes new preferences over and tells of them. Store.mu is held.
func (s *Store) setLocked(p Prefs) {
	s.now = p
	for seat := range s.seats {
		select {
		case <-seat:
		default:
		}
		seat <- p.clone()
	}
}

// refreshLocked reads the file where it has changed. Store.mu is held.
func (s *Store) refreshLocked() {
	info, err := os.Stat(s.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.damage = err
		}
		return // what was read last still holds
	}
	if s.seen != nil && os.SameFile(s.seen, info) && s.seen.ModTime().Equal(info.ModTime()) && s.seen.Size() == info.Size() {
		return
	}
	s.seen = info
	p, err := read(s.path)
	if s.damage = err; err == nil {
		s.setLocked(p)
	}
}

// read reads a file of preferences. What it does not say is as in Default.
func read(path string) (Prefs, error) {
	p := Default()
	text, err := os.ReadFile(path)
	if err != nil {
		return p, fmt.Errorf("read your preferences: %w", err)
	}
	if len(text) > maxFile {
		return p, fmt.Errorf("read your preferences: %s is longer than %d bytes", path, maxFile)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return Default(), fmt.Errorf("read your preferences: %s: %w", path, err)
	}
	if err := p.Check(); err != nil {
		return Default(), fmt.Errorf("read your preferences: %s: %w", path, err)
	}
	return p, nil
}

// writeLocked replaces the file as a whole. Store.mu is held.
func (s *Store) writeLocked(p Prefs) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	if s.damage != nil {
		_ = os.Rename(s.path, s.path+".damaged")
	}
	if err := replace(s.path, append(text, '\n')); err != nil {
		return err
	}
	s.damage = nil
	if info, err := os.Stat(s.path); err == nil {
		s.seen = info
	}
	return nil
}

// replace writes a file beside another and puts it into its place, so that a
// reader, and a crash, find the one or the other.
func replace(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".prefs-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
