//go:build !windows

package daemon

import (
	"errors"
	"syscall"
)

// isFull says that there is no room on the disk.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }

// isReadOnly says that the disk cannot be written.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
