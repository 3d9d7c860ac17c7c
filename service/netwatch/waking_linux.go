package netwatch

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// tellsJumps says that this system tells of jumps of the wall clock.
const tellsJumps = true

// followWaking asks for the clocks to be compared at each jump of the wall clock,
// until stop.
func (l *loop) followWaking() (stop func(), err error) {
	timer, err := openWakeTimer()
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { l.awaitWake(timer) })
	return func() {
		_ = timer.Close()
		wg.Wait()
	}, nil
}

// openWakeTimer opens a timer that never fires, but whose reading fails with
// ECANCELED when the wall clock jumps, as it does at every waking. So waking is
// noticed at once, and waiting for it costs nothing.
func openWakeTimer() (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open timer: %w", err)
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: 1<<31 - 1}}
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		return nil, errors.Join(fmt.Errorf("set timer: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "wake timer"), nil
}

// awaitWake asks for the clocks to be compared at each jump, until the timer is closed.
func (l *loop) awaitWake(timer *os.File) {
	var fired [8]byte
	for {
		_, err := timer.Read(fired[:])
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if !errors.Is(err, unix.ECANCELED) {
			l.Log.Warn("waking is only noticed by network changes", "err", err)
			return
		}
		poke(l.resumed)
	}
}
