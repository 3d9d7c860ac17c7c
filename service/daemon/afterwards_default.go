//go:build !darwin

package daemon

import "time"

// afterwards is not needed: a pause ends with its time or with this process,
// whichever comes first, or is the kernel's.
func (*Daemon) afterwards(time.Duration) (cancel func(), err error) { return func() {}, nil }
