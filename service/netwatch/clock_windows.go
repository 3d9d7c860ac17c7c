package netwatch

import (
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/service/clock"
)

// unbiased is the clock that does not go on in sleep, in units of 100 ns.
var unbiased = windows.NewLazySystemDLL("kernel32.dll").NewProc("QueryUnbiasedInterruptTime")

// ReadClock reads the system's clocks. Where the system does not tell sleep
// apart, all of the time counts as awake.
func ReadClock() clock.Reading {
	boot := windows.DurationSinceBoot()
	r := clock.Reading{Wall: time.Now().Round(0), Mono: boot}
	var ticks uint64
	if ok, _, _ := unbiased.Call(uintptr(unsafe.Pointer(&ticks))); ok != 0 {
		r.Mono = time.Duration(ticks) * 100
		r.Suspended = boot - r.Mono
	}
	return r
}
