package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Setting returns one of the service's own memories, such as its installation
// ID. It answers ErrNotFound where the key was never put. What the person sets
// is not here but in holdfast.toml.
func (s *Store) Setting(ctx context.Context, key string) (value string, err error) {
	db := s.db.Load()
	if db == nil {
		return "", fmt.Errorf("read setting %s: %w", key, ErrUnavailable)
	}
	err = db.reader.QueryRowContext(ctx, "SELECT value FROM setting WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("read setting %s: %w", key, err)
	}
	return value, nil
}

// PutSetting remembers a value, on disk before it returns. It waits for the
// disk: never call it where the tunnel would wait too.
func (s *Store) PutSetting(ctx context.Context, key, value string) error {
	err := s.do(ctx, func(ctx context.Context, tx execer) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO setting (key, value) VALUES (?, ?) "+
			"ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
		return err
	})
	if err != nil {
		return fmt.Errorf("put setting %s: %w", key, err)
	}
	return nil
}
