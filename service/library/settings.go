package library

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"holdfast/service/failover"
)

// Policy returns the settings.
func (l *Library) Policy() failover.Policy {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.document.policy
}

// SetSettings changes settings by their keys, all of them or none, and returns
// the new policy. An empty value means the default. The error names every key
// that will not do, and wraps ErrInvalid.
func (l *Library) SetSettings(values map[string]string) (failover.Policy, error) {
	l.change.Lock()
	defer l.change.Unlock()
	err := l.changeDocument(func(d *document) error { return apply(&d.policy, values) })
	return l.Policy(), err
}

// apply sets what it can and returns all that is wrong.
func apply(p *failover.Policy, values map[string]string) error {
	left := maps.Clone(values)
	var wrong []error
	for _, s := range failover.Settings() {
		value, given := left[s.Key]
		if !given {
			continue
		}
		delete(left, s.Key)
		if value == "" {
			value = s.Default
		}
		if err := s.Set(p, value); err != nil {
			wrong = append(wrong, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		wrong = append(wrong, fmt.Errorf("setting %q is unknown", key))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(wrong...))
	}
	return nil
}
