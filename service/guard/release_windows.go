package guard

import (
	"context"
	"errors"
	"fmt"
)

// Release removes every filter that any process of ours left, with our provider
// and sublayer. It needs no Guard. Nothing there: nil.
func Release(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e, err := openEngine(false)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	defer func() { _ = e.Close() }()
	err = e.within(func() error {
		have, err := e.read()
		if err != nil {
			return err
		}
		var keys [][16]byte
		for _, f := range have {
			keys = append(keys, f.key)
		}
		if err := e.remove(keys); err != nil {
			return err
		}
		return e.deleteHome()
	})
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

// Present says whether filters of ours are in force, whoever made them.
func Present() (bool, error) {
	e, err := openEngine(false)
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	defer func() { _ = e.Close() }()
	have, err := e.read()
	if err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	return len(have) > 0, nil
}
