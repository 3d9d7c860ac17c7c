package library

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"holdfast/service/tunnel"
)

// Tunnels lists the tunnels that can be used, sorted.
func (l *Library) Tunnels() []tunnel.Name {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Sorted(maps.Keys(l.tunnels))
}

// Tunnel returns a tunnel's config, which the caller may change. It returns
// ErrNotFound, or why the file of that name cannot be used.
func (l *Library) Tunnel(name tunnel.Name) (*tunnel.Config, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if config, found := l.tunnels[name]; found {
		return config.Clone(), nil
	}
	if err, found := l.problems[l.vault.file(name)]; found {
		return nil, fmt.Errorf("tunnel %s: %w", name, err)
	}
	return nil, fmt.Errorf("tunnel %s: %w", name, ErrNotFound)
}

// Save stores a tunnel. It returns ErrExists where there is one of that name and
// overwrite is not set; where a group has the name, or a name differs only in
// case, also when it is. ErrInvalid is for the name; a config that cannot be
// stored is tunnel.Problems. On any error what was stored before still is.
func (l *Library) Save(name tunnel.Name, config *tunnel.Config, overwrite bool) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := config.Validate(); err != nil {
		return fmt.Errorf("tunnel %s: %w", name, err)
	}
	l.change.Lock()
	defer l.change.Unlock()
	if err := l.vacant(name, name); err != nil {
		return err
	}
	taken, err := l.occupied(name)
	if err != nil {
		return fmt.Errorf("save tunnel: %w", err)
	}
	if taken && !overwrite {
		return fmt.Errorf("tunnel %s %w", name, ErrExists)
	}
	if err := l.vault.write(l.path(name), name, []byte(config.Render())); err != nil {
		return fmt.Errorf("save tunnel: %w", err)
	}
	l.show(name, config.Clone())
	return nil
}

// Remove takes a tunnel away, also one whose file cannot be read. It returns
// ErrNotFound, or ErrInUse naming the groups it is in.
func (l *Library) Remove(name tunnel.Name) error {
	if err := checkName(name); err != nil {
		return err
	}
	l.change.Lock()
	defer l.change.Unlock()
	if taken, err := l.occupied(name); err != nil {
		return fmt.Errorf("remove tunnel: %w", err)
	} else if !taken {
		return fmt.Errorf("tunnel %s: %w", name, ErrNotFound)
	}
	if groups := l.groupsOf(name); len(groups) > 0 {
		return fmt.Errorf("tunnel %s is %w: group %s has it; take it out first", name, ErrInUse, strings.Join(groups, ", "))
	}
	if err := l.removeFile(name); err != nil {
		return fmt.Errorf("remove tunnel: %w", err)
	}
	l.hide(name)
	return nil
}

// Rename gives a tunnel another name, in its groups too. It returns ErrNotFound,
// ErrInvalid or ErrExists. Interrupted, it leaves a tunnel under both names, but
// never a group without its member.
func (l *Library) Rename(from, to tunnel.Name) error {
	if err := checkName(to); err != nil {
		return err
	}
	l.change.Lock()
	defer l.change.Unlock()
	config, found := l.tunnels[from]
	if !found {
		return fmt.Errorf("tunnel %s: %w", from, ErrNotFound)
	}
	if from == to {
		return nil
	}
	if err := l.vacant(to, from); err != nil {
		return err
	}
	onlyCase := strings.EqualFold(string(from), string(to))
	if err := l.moveFile(from, to, config, onlyCase); err != nil {
		return fmt.Errorf("rename tunnel: %w", err)
	}
	if len(l.groupsOf(from)) > 0 {
		if err := l.changeDocument(func(d *document) error { d.rename(from, to); return nil }); err != nil {
			// Both names are there, or the old one only: put back what was.
			_ = l.moveBack(from, to, onlyCase)
			return fmt.Errorf("rename tunnel: %w", err)
		}
	}
	if !onlyCase {
		if err := l.removeFile(from); err != nil {
			return fmt.Errorf("rename tunnel: %w", err)
		}
	}
	l.hide(from)
	l.show(to, config)
	return nil
}

// moveFile writes the tunnel under its new name and leaves the old one. Where
// only the case differs, both may be one file, so that one is renamed instead.
func (l *Library) moveFile(from, to tunnel.Name, config *tunnel.Config, onlyCase bool) error {
	old, err := os.Lstat(l.path(from))
	if err != nil {
		return err
	}
	other, err := os.Lstat(l.path(to))
	switch {
	case err == nil && (!onlyCase || !os.SameFile(old, other)):
		return fmt.Errorf("tunnel %s %w", to, ErrExists)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case onlyCase:
		return l.renameFile(from, to)
	}
	return l.vault.write(l.path(to), to, []byte(config.Render()))
}

func (l *Library) moveBack(from, to tunnel.Name, onlyCase bool) error {
	if onlyCase {
		return l.renameFile(to, from)
	}
	return l.removeFile(to)
}

func (l *Library) renameFile(from, to tunnel.Name) error {
	if err := os.Rename(l.path(from), l.path(to)); err != nil {
		return err
	}
	return syncDir(l.dir)
}

// checkName refuses what is not a tunnel's or a group's name.
func checkName(name tunnel.Name) error {
	if _, err := tunnel.ParseName(string(name)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// vacant refuses a tunnel's name that a group has, or another tunnel in another
// case, which would be the same file on some systems. change must be held.
func (l *Library) vacant(name, except tunnel.Name) error {
	if group, taken := l.sameGroup(name); taken {
		return fmt.Errorf("group %s %w; a tunnel cannot have its name", group, ErrExists)
	}
	if other, taken := l.sameTunnel(name); taken && other != name && other != except {
		return fmt.Errorf("tunnel %s %w; a name cannot differ from it only in case", other, ErrExists)
	}
	return nil
}

// show makes a stored tunnel visible. change must be held.
func (l *Library) show(name tunnel.Name, config *tunnel.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tunnels[name] = config
	delete(l.problems, l.vault.file(name))
}

// hide makes a tunnel invisible. change must be held.
func (l *Library) hide(name tunnel.Name) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tunnels, name)
	delete(l.problems, l.vault.file(name))
}
