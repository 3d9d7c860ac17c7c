package underlay

import (
	"syscall"
	"testing"
	"unsafe"
)

// Whatever the system calls back for is a change.
func TestCallback(t *testing.T) {
	calls := 0
	f := &follower{changed: func() { calls++ }}
	for kind := range uintptr(4) {
		if code, _, _ := syscall.SyscallN(callback(), uintptr(unsafe.Pointer(f)), 0, kind); code != 0 {
			t.Errorf("got %d", code)
		}
	}
	if calls != 4 {
		t.Errorf("got %d calls", calls)
	}
}
