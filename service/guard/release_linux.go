package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Release removes every rule that any process of ours left, in the network
// namespace of the calling thread. It needs no Guard. Nothing there: nil.
// ErrOwned: they belong to a process that runs.
func Release(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k, err := openKernel(Options{Log: slog.New(slog.DiscardHandler)})
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	defer func() { _ = k.Close() }()
	if _, err := k.enforce(meant{}); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

// Present says whether rules of ours are in force in the network namespace of
// the calling thread, whoever made them.
func Present() (bool, error) {
	s, err := dial()
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	defer func() { _ = s.Close() }()
	r, err := s.read(0)
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("guard: %w", err)
	}
	return len(r.tables) > 0, nil
}
