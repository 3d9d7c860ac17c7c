package netwatch

import (
	"time"

	"golang.org/x/sys/unix"

	"holdfast/service/clock"
)

// ReadClock reads the system's clocks.
func ReadClock() clock.Reading {
	read := func(id int32) time.Duration {
		var ts unix.Timespec
		if err := unix.ClockGettime(id, &ts); err != nil {
			return 0
		}
		return time.Duration(ts.Nano())
	}
	awake := read(unix.CLOCK_MONOTONIC)
	return clock.Reading{Wall: time.Now().Round(0), Mono: awake, Suspended: read(unix.CLOCK_BOOTTIME) - awake}
}
