//go:build unix

package host

import "syscall"

// noFollow refuses a link in the place of the log.
const noFollow = syscall.O_NOFOLLOW
