//go:build cgo

package store

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// isBusy says that another process holds the database.
func isBusy(err error) bool {
	e, ok := sqliteError(err)
	return ok && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

// isDamaged says that the file is not a database, or no longer a whole one.
func isDamaged(err error) bool {
	e, ok := sqliteError(err)
	return ok && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB || e.Code == sqlite3.ErrFormat ||
		e.ExtendedCode == sqlite3.ErrIoErrShortRead)
}

// isUnusable says that the file cannot be worked with, of an error met while
// asking only what every database answers: a header that asks for a format
// nobody knows, or forbids writing, is damage then.
func isUnusable(err error) bool {
	e, ok := sqliteError(err)
	return ok && (isDamaged(err) || e.Code == sqlite3.ErrError || e.Code == sqlite3.ErrReadonly)
}

func sqliteError(err error) (e sqlite3.Error, ok bool) {
	ok = errors.As(err, &e)
	return e, ok
}
