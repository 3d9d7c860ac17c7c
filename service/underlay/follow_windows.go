package underlay

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// follower is what the system calls back for.
type follower struct {
	changed func()
}

// callback is what the system calls, from threads of its own, with a follower, the
// row that changed and the kind of the change. There is one for the whole process,
// since callbacks are never given back.
var callback = sync.OnceValue(func() uintptr {
	return windows.NewCallback(func(f *follower, _ uintptr, _ uint32) uintptr {
		f.changed()
		return 0
	})
})

// Follow calls changed after each change of the interfaces, addresses and routes,
// from threads of the system's, until stop, which waits for the last call. changed
// must not call stop. It costs nothing while nothing changes. failed is never
// called on this system. errors.ErrUnsupported: the system tells of no changes, as
// Wine 8 does not.
func Follow(changed func(), failed func(error)) (stop func(), err error) {
	f := &follower{changed: changed}
	var handles []windows.Handle
	stop = func() {
		for _, h := range handles {
			_ = windows.CancelMibChangeNotify2(h)
		}
		f.changed = func() {} // and so f lives until here
	}
	for _, register := range []func(uint16, uintptr, unsafe.Pointer, bool, *windows.Handle) error{
		windows.NotifyIpInterfaceChange, windows.NotifyUnicastIpAddressChange, windows.NotifyRouteChange2,
	} {
		var h windows.Handle
		err = register(windows.AF_UNSPEC, callback(), unsafe.Pointer(f), false, &h)
		if err == nil && h == 0 {
			err = errors.ErrUnsupported // it was taken, and nothing comes of it
		}
		if err != nil {
			stop()
			return nil, fmt.Errorf("subscribe to network changes: %w", err)
		}
		handles = append(handles, h)
	}
	return stop, nil
}
