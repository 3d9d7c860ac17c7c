//go:build !windows

package wg

import (
	"errors"
	"syscall"
)

// isPolicy says that the system refused to send for reasons of policy.
func isPolicy(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES)
}

// isPortTaken says that another socket has the port.
func isPortTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
