package netwatch

import (
	"syscall"
	"testing"
	"unsafe"
)

// The system takes the subscription, and lets go of it.
func TestFollowWaking(t *testing.T) {
	l := &loop{resumed: make(chan struct{}, 1)}
	for range 2 {
		stop, err := l.followWaking()
		if err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

// What the system calls back for has the clocks compared when it woke, and only then.
func TestPowerCallback(t *testing.T) {
	resumed := make(chan struct{}, 1)
	p := &power{woke: func() { poke(resumed) }}
	for _, c := range []struct {
		kind uintptr
		want bool
	}{{0x4, false}, {apmResumeAutomatic, true}, {apmResumeSuspend, true}, {0xa, false}} {
		if code, _, _ := syscall.SyscallN(powerCallback(), uintptr(unsafe.Pointer(p)), c.kind, 0); code != noError {
			t.Errorf("%#x: got %d", c.kind, code)
		}
		got := false
		select {
		case <-resumed:
			got = true
		default:
		}
		if got != c.want {
			t.Errorf("%#x: got %t", c.kind, got)
		}
	}
}
