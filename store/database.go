package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

const (
	// appID marks the file as ours: "HFST".
	appID = 0x48465354

	writeOptions = "mode=rw&_auto_vacuum=incremental&_journal_mode=WAL&_synchronous=FULL&" +
		"_busy_timeout=5000&_foreign_keys=on&_txlock=immediate&_stmt_cache_size=32"
	readCommon  = "_busy_timeout=5000&_foreign_keys=on&_txlock=deferred&_stmt_cache_size=32"
	readOptions = "mode=rw&_query_only=on&" + readCommon
	// newerOptions never write: the schema is not ours to touch.
	newerOptions = "mode=ro&_query_only=on&" + readCommon
	// lookOptions change nothing in the file before it is known to be ours.
	lookOptions = "mode=rw&_busy_timeout=1000&_txlock=immediate"
)

// database is an open database: one connection that writes, and some that read.
type database struct {
	pool   *sql.DB // of conn alone; nil when read-only
	conn   *sql.Conn
	reader *sql.DB
	// lazy says that conn is set to synchronous=NORMAL. Only the writer's
	// goroutine reads it.
	lazy bool
}

// openFile opens the file at path, which exists, and migrates it to the newest
// schema. A failed migration answers errMigration.
func openFile(ctx context.Context, path string, m []migration) (d *database, err error) {
	d = &database{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.pool, err = sql.Open("sqlite3", dbURI(path, writeOptions)); err != nil {
		return d, err
	}
	d.pool.SetMaxOpenConns(1)
	if d.conn, err = d.pool.Conn(ctx); err != nil {
		return d, err
	}
	if _, err = d.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA journal_size_limit = %d", walLimit)); err != nil {
		return d, err
	}
	if err = migrate(ctx, d.conn, path, m); err != nil {
		return d, err
	}
	return d, d.openReader(path, readOptions)
}

// openNewer opens a database of a newer schema, for reading.
func openNewer(path string) (*database, error) {
	d := &database{}
	return d, d.openReader(path, newerOptions)
}

func (d *database) openReader(path, options string) (err error) {
	if d.reader, err = sql.Open("sqlite3", dbURI(path, options)); err != nil {
		return err
	}
	d.reader.SetMaxOpenConns(4)
	d.reader.SetMaxIdleConns(2)
	return nil
}

// close ends every connection; the last one folds the log into the file.
func (d *database) close() error {
	var errs []error
	if d.reader != nil {
		errs = append(errs, d.reader.Close())
	}
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Close())
	}
	return errors.Join(errs...)
}

// look says what the file at path is.
type look struct {
	version int
	empty   bool   // no tables, and no mark of anybody
	lacking bool   // not all of the first schema's tables
	damage  string // why it cannot be used; "": it can
}

// inspect looks at an existing file without changing it, more thoroughly where
// it was not closed properly. It answers ErrLocked.
func inspect(ctx context.Context, path string, clean bool) (l look, err error) {
	db, err := sql.Open("sqlite3", dbURI(path, lookOptions))
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	l, err = inspectConn(ctx, db, clean)
	switch {
	case isBusy(err):
		return l, fmt.Errorf("%w: %w", ErrLocked, err)
	case isUnusable(err):
		return look{damage: err.Error()}, nil
	}
	return l, err
}

func inspectConn(ctx context.Context, db *sql.DB, clean bool) (l look, err error) {
	// Taking the write lock replays a log that was left behind.
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	var id, tables, ours int
	if err := tx.QueryRowContext(ctx, "SELECT (SELECT application_id FROM pragma_application_id), "+
		"(SELECT user_version FROM pragma_user_version), count(*), coalesce(sum(type = 'table' AND name IN ('event', 'sample', 'summed', 'notice', 'setting')), 0) "+
		"FROM sqlite_schema").Scan(&id, &l.version, &tables, &ours); err != nil {
		return l, err
	}
	if id == 0 && l.version == 0 && tables == 0 {
		l.empty = true
		return l, nil
	}
	if id != appID || l.version < 1 {
		l.damage = fmt.Sprintf("the database of another program (application_id %#x, user_version %d)", id, l.version)
		return l, nil
	}
	l.lacking = ours < 5
	// A write, taken back at the end, shows whether the file can be written.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", l.version)); err != nil {
		return l, err
	}
	if clean {
		return l, nil
	}
	var verdict string
	if err := tx.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return l, err
	}
	if verdict != "ok" {
		l.damage = verdict
	}
	return l, nil
}

// createFile makes an empty database file that only its owner can read; SQLite
// gives its log the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.Chmod(path, 0o600)
	}
	if err != nil {
		return err
	}
	return f.Close()
}
