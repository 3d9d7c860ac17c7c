package library

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/service/failover"
	"holdfast/service/tunnel"
)

// maxMembers bounds a group.
const maxMembers = 32

// Groups returns the members of each group, the primary first. A member whose
// file is gone is still among them; see Problems.
func (l *Library) Groups() map[tunnel.Name][]tunnel.Name {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.document.clone().groups
}

// SetGroup makes a group, or gives it other members, in order of preference: 1
// to 32 tunnels, none twice. It returns ErrInvalid, ErrNotFound for a member that
// is not there, or ErrExists where a tunnel has the name.
func (l *Library) SetGroup(name tunnel.Name, members []tunnel.Name) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := checkMembers(members); err != nil {
		return fmt.Errorf("group %s: %w: %w", name, ErrInvalid, err)
	}
	l.change.Lock()
	defer l.change.Unlock()
	if other, taken := l.sameTunnel(name); taken {
		return fmt.Errorf("tunnel %s %w; a group cannot have its name", other, ErrExists)
	}
	for _, m := range members {
		if _, found := l.tunnels[m]; !found {
			return fmt.Errorf("group %s: tunnel %s: %w", name, m, ErrNotFound)
		}
	}
	return l.changeDocument(func(d *document) error {
		if other, taken := sameName(d.groups, name); taken && other != name {
			return fmt.Errorf("group %s %w; a name cannot differ from it only in case", other, ErrExists)
		}
		d.groups[name] = slices.Clone(members)
		return nil
	})
}

// RemoveGroup takes a group away, not its members. It returns ErrNotFound.
func (l *Library) RemoveGroup(name tunnel.Name) error {
	l.change.Lock()
	defer l.change.Unlock()
	return l.changeDocument(func(d *document) error {
		if _, found := d.groups[name]; !found {
			return fmt.Errorf("group %s: %w", name, ErrNotFound)
		}
		delete(d.groups, name)
		return nil
	})
}

// Resolve returns the members of a group that can be used, in their order, or
// the one tunnel of that name. It returns ErrNotFound where nothing is left.
func (l *Library) Resolve(target tunnel.Name) ([]failover.Member, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	members, isGroup := l.document.groups[target]
	if !isGroup {
		members = []tunnel.Name{target}
	}
	var out []failover.Member
	for _, m := range members {
		if config, found := l.tunnels[m]; found {
			out = append(out, failover.Member{Name: m, Site: config.Site()})
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case isGroup:
		return nil, fmt.Errorf("group %s: none of its tunnels can be used: %w", target, ErrNotFound)
	}
	if err, found := l.problems[l.vault.file(target)]; found {
		return nil, fmt.Errorf("tunnel %s: %w", target, err)
	}
	return nil, fmt.Errorf("tunnel or group %s: %w", target, ErrNotFound)
}

// checkMembers says what is wrong with a list of members, whatever tunnels there are.
func checkMembers(members []tunnel.Name) error {
	if len(members) == 0 || len(members) > maxMembers {
		return fmt.Errorf("a group has 1 to %d members, not %d", maxMembers, len(members))
	}
	seen := map[string]bool{}
	for _, m := range members {
		if _, err := tunnel.ParseName(string(m)); err != nil {
			return err
		}
		folded := strings.ToLower(string(m))
		if seen[folded] {
			return fmt.Errorf("member %s is there twice; keep one", m)
		}
		seen[folded] = true
	}
	return nil
}

// groupsOf names the groups that have this member, sorted. change or mu must be held.
func (l *Library) groupsOf(name tunnel.Name) []string {
	var out []string
	for _, group := range slices.Sorted(maps.Keys(l.document.groups)) {
		for _, m := range l.document.groups[group] {
			if strings.EqualFold(string(m), string(name)) {
				out = append(out, string(group))
			}
		}
	}
	return out
}
