//go:build cgo

package store

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// isBusy says that another process holds the database.
func isBusy(err error) bool {
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.ErrBusy || code == sqlite3.ErrLocked)
}

// isDamaged says that the file is not a database, or no longer a whole one.
func isDamaged(err error) bool {
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.ErrCorrupt || code == sqlite3.ErrNotADB || code == sqlite3.ErrFormat)
}

func sqliteCode(err error) (sqlite3.ErrNo, bool) {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.Code, true
}
