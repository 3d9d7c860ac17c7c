// Package library is the directory of configurations: one NAME.conf for each
// tunnel, and holdfast.toml with the settings and the groups.
//
// Only what was parsed is stored, written out anew from its typed form. Every
// file appears whole or not at all: it is written beside its place, brought to
// the disk, and renamed. Files are 0600 in a directory that is 0700. On Windows
// directory and files are for administrators and the service alone, and a tunnel is
// sealed besides: it is NAME.conf.dpapi, and a NAME.conf that somebody puts there is
// taken in and removed.
//
// One Library at a time may be open for a directory: Open removes what an
// interrupted write has left behind. A person may edit the files by hand; Reload
// takes that in. The package never logs, never runs anything that a file says,
// and never follows a link in place of a file.
package library

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"holdfast/service/tunnel"
)

// What goes wrong. Errors wrap them together with the names they are about.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	// ErrInUse says that a tunnel is a member of a group, which the error names.
	ErrInUse = errors.New("in use")
	// ErrInvalid says that a name, a group or a setting is not what it may be.
	ErrInvalid = errors.New("not valid")
	// ErrDamaged says that holdfast.toml cannot be read. It is then never written.
	ErrDamaged = errors.New("cannot be read")
)

// Library is an open directory. Its methods may be called from several
// goroutines; readers never wait for the disk.
type Library struct {
	dir   string
	vault vault
	looks bool // it changes nothing

	// change is held by whoever changes the directory, from reading what is
	// there to showing the result. It is taken before mu.
	change sync.Mutex

	mu       sync.RWMutex // protects what follows; written only with change held too
	tunnels  map[tunnel.Name]*tunnel.Config
	problems map[string]error // by file name
	document document
}

// Open reads the directory, which it makes where there is none, and removes what
// an interrupted write has left behind. A NAME.conf that cannot be read does not
// stop the others; see Problems. A holdfast.toml that cannot be read does: the
// error wraps ErrDamaged and says where and what to do.
func Open(dir string) (*Library, error) { return openWith(dir, system) }

func openWith(dir string, v vault) (*Library, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	if err := closeToOthers(dir); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	l := &Library{dir: dir, vault: v}
	if err := l.sweep(); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	if err := l.Reload(); err != nil {
		return nil, fmt.Errorf("open library: %w", err)
	}
	return l, nil
}

// Reload reads the directory again, for what was changed by hand. On an error
// everything stays as it was; a damaged holdfast.toml is ErrDamaged, as in Open.
func (l *Library) Reload() error {
	l.change.Lock()
	defer l.change.Unlock()
	doc, err := l.readDocument()
	if err != nil {
		return err
	}
	problems := map[string]error{}
	if !l.looks {
		if problems, err = l.takeIn(); err != nil {
			return err
		}
	}
	tunnels, problems, err := l.readTunnels(doc, problems)
	if err != nil {
		return err
	}
	doc.adoptCase(tunnels)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tunnels, l.problems, l.document = tunnels, problems, doc
	return nil
}

// Problems says what in the directory is not used, and why, by file name: each
// .conf that cannot be read or has a name that will not do, and holdfast.toml
// where a group has members that are not there. Other files are not looked at.
func (l *Library) Problems() map[string]error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := maps.Clone(l.problems)
	var missing []error
	for _, group := range slices.Sorted(maps.Keys(l.document.groups)) {
		for _, m := range l.document.groups[group] {
			if _, found := l.tunnels[m]; !found {
				missing = append(missing, fmt.Errorf("group %s: tunnel %s is %w; restore its file, or set the group anew", group, m, ErrNotFound))
			}
		}
	}
	if len(missing) > 0 {
		out[documentName] = errors.Join(missing...)
	}
	return out
}

// sameTunnel finds the tunnel with this name in any case. change or mu must be held.
func (l *Library) sameTunnel(name tunnel.Name) (tunnel.Name, bool) { return sameName(l.tunnels, name) }

// sameGroup finds the group with this name in any case. change or mu must be held.
func (l *Library) sameGroup(name tunnel.Name) (tunnel.Name, bool) {
	return sameName(l.document.groups, name)
}

func sameName[V any](among map[tunnel.Name]V, name tunnel.Name) (tunnel.Name, bool) {
	if _, found := among[name]; found {
		return name, true
	}
	for other := range among {
		if strings.EqualFold(string(other), string(name)) {
			return other, true
		}
	}
	return "", false
}
