//go:build !cgo

package store

import (
	_ "github.com/mattn/go-sqlite3" // a stub without cgo, enough to check types against
)

// Without cgo there is no SQLite whose errors could be told apart. This file
// serves the tag typecheck, which checks types for another system and makes
// nothing that runs; driver_needs_cgo.go fails every other build.

func isBusy(error) bool     { return false }
func isDamaged(error) bool  { return false }
func isUnusable(error) bool { return false }
