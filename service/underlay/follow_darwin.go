package underlay

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Follow calls changed after each change of the interfaces, addresses and routes,
// as the routing socket tells them, from a goroutine of its own, until stop, which
// waits for it. Many changes may be one call. It costs nothing while nothing
// changes. failed is called where no more changes are told.
func Follow(changed func(), failed func(error)) (stop func(), err error) {
	events, err := openRouteSocket()
	if err != nil {
		return nil, fmt.Errorf("subscribe to network changes: %w", err)
	}
	var stopped atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		message := make([]byte, os.Getpagesize())
		for {
			n, err := events.Read(message)
			switch {
			case stopped.Load() || errors.Is(err, os.ErrClosed):
				return
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.ENOBUFS): // many came
				changed()
			case err != nil:
				failed(err)
				return
			case isNews(message[:n]):
				changed()
			}
		}
	})
	return func() {
		stopped.Store(true)
		_ = events.Close()
		wg.Wait()
	}, nil
}

// openRouteSocket opens a socket whose reading ends when it is closed.
func openRouteSocket() (*os.File, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "routing socket"), nil
}
