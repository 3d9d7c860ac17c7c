package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// errMigration: the schema could not be brought up to date. The database is as
// it was.
var errMigration = errors.New("migrate history")

// copyMark stands between the database's name and the schema that a copy is
// made before.
const copyMark = ".before-"

// migration brings the schema from version-1 to version.
type migration struct {
	version int
	script  string
}

// loadMigrations reads NNNN_words.sql, numbered from 1 without a gap.
func loadMigrations(dir fs.FS) ([]migration, error) {
	names, err := fs.Glob(dir, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s: want number %04d", name, i+1)
		}
		script, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, string(script)})
	}
	return all, nil
}

// migrate brings the database up to date, each step in a transaction of its
// own, after copying a database that has something to lose.
func migrate(ctx context.Context, conn *sql.Conn, path string, all []migration) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version >= len(all) {
		return nil
	}
	if version > 0 {
		if err := copyBefore(ctx, conn, path, all[version].version); err != nil {
			return fmt.Errorf("%w: copy: %w", errMigration, err)
		}
	}
	for _, m := range all[version:] {
		if err := m.run(ctx, conn); err != nil {
			if version == 0 {
				return err // nothing to lose: the disk's fault, tried again
			}
			return fmt.Errorf("%w to schema %d: %w", errMigration, m.version, err)
		}
	}
	return nil
}

func (m migration) run(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// The version changes with the tables or not at all.
	script := fmt.Sprintf("%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", m.script, appID, m.version)
	if _, err := tx.ExecContext(ctx, script); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// copyBefore copies the database to a file of its own and then deletes older
// copies.
func copyBefore(ctx context.Context, conn *sql.Conn, path string, version int) error {
	final := path + copyMark + strconv.Itoa(version)
	tmp := final + ".tmp"
	for _, p := range []string{tmp, tmp + "-journal"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := createFile(tmp); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", tmp); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := syncFile(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, final); err != nil {
		return err
	}
	if err := dropOldCopies(path, filepath.Base(final)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func dropOldCopies(path, keep string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name != keep && strings.HasPrefix(name, filepath.Base(path)+copyMark) {
			if err := os.Remove(filepath.Join(filepath.Dir(path), name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// syncFile flushes what SQLite wrote to a file that it no longer holds.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
