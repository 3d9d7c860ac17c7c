package netwatch

import (
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// tellsJumps: a jump of the wall clock is told to windows only, which a service
// has not.
const tellsJumps = false

// What the system tells of sleep, of powrprof.h and winuser.h.
const (
	deviceNotifyCallback  = 2
	apmResumeSuspend      = 0x7  // woken by a person
	apmResumeAutomatic    = 0x12 // woken, by whatever
	noError               = 0
	registerSuspendResume = "PowerRegisterSuspendResumeNotification"
	forgetSuspendResume   = "PowerUnregisterSuspendResumeNotification"
)

var powrprof = windows.NewLazySystemDLL("powrprof.dll")

// power is what the system calls back for.
type power struct {
	woke func()
}

// subscription is DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS.
type subscription struct {
	callback uintptr
	context  unsafe.Pointer
}

// powerCallback is what the system calls with a power. There is one for the
// whole process, since callbacks are never given back.
var powerCallback = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(s *power, kind uint32, _ uintptr) uintptr {
		if kind == apmResumeSuspend || kind == apmResumeAutomatic {
			s.woke()
		}
		return noError
	})
})

// followWaking asks for the clocks to be compared at each waking, until stop.
func (l *loop) followWaking() (stop func(), err error) {
	register, forget := powrprof.NewProc(registerSuspendResume), powrprof.NewProc(forgetSuspendResume)
	for _, p := range []*windows.LazyProc{register, forget} {
		if err := p.Find(); err != nil {
			return nil, fmt.Errorf("follow waking: %w", err)
		}
	}
	s := &power{woke: func() { poke(l.resumed) }}
	params := subscription{callback: powerCallback(), context: unsafe.Pointer(s)}
	var handle uintptr
	code, _, _ := register.Call(deviceNotifyCallback, uintptr(unsafe.Pointer(&params)), uintptr(unsafe.Pointer(&handle)))
	if code != noError {
		return nil, fmt.Errorf("follow waking: %w", windows.Errno(code))
	}
	return func() {
		_, _, _ = forget.Call(handle)
		s.woke = func() {} // and so s lives until here
	}, nil
}
