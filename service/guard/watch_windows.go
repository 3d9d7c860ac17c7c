package guard

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Watch puts back what other programs take away, until ctx ends, and tells of it
// on Changes. It costs nothing while nobody changes filters or interfaces. An
// error says that it cannot watch. Windows does not say who changed a filter.
//
// It also is what lets the tunnel's interface pass as soon as there is one.
func (g *Guard) Watch(ctx context.Context) error {
	rung, stop := news.listen()
	defer stop()
	e, err := openEngine(false)
	if err != nil {
		return fmt.Errorf("guard: watch the filters: %w", err)
	}
	defer func() { _ = e.Close() }()
	var filters windows.Handle
	s := &fwpmFilterSubscription{flags: fwpmNotifyOnAdd | fwpmNotifyOnDelete}
	err = fwpmCall(procSubscribe, uintptr(e.handle), uintptr(unsafe.Pointer(s)), filtersChanged(), 0, uintptr(unsafe.Pointer(&filters)))
	if err != nil {
		return fmt.Errorf("guard: watch the filters: %w", err)
	}
	defer func() { _ = fwpmCall(procUnsubscribe, uintptr(e.handle), uintptr(filters)) }()
	var interfaces windows.Handle
	if err := windows.NotifyIpInterfaceChange(windows.AF_UNSPEC, interfacesChanged(), nil, false, &interfaces); err != nil {
		return fmt.Errorf("guard: watch for the tunnel's interface: %w", err)
	}
	defer func() { _ = windows.CancelMibChangeNotify2(interfaces) }()
	g.follow(ctx, rung, 0)
	return nil
}

// What the system calls. It never lets go of what it was given once.
var (
	filtersChanged = sync.OnceValue(func() uintptr {
		return windows.NewCallback(func(_, _ uintptr) uintptr {
			news.ring()
			return 0
		})
	})
	interfacesChanged = sync.OnceValue(func() uintptr {
		return windows.NewCallback(func(_, _, _ uintptr) uintptr {
			news.ring()
			return 0
		})
	})
)
