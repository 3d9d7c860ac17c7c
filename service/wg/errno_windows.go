package wg

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isPolicy says that the system refused to send for reasons of policy.
func isPolicy(err error) bool { return errors.Is(err, windows.WSAEACCES) }

// isPortTaken says that another socket has the port. The number that package
// syscall calls EADDRINUSE is one that Windows itself never says.
func isPortTaken(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }
