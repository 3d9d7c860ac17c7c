package netcfg

import (
	"errors"
	"fmt"

	"golang.zx2c4.com/wireguard/windows/tunnel/winipcfg"
)

// watcher has the system tell of changes of routes, addresses and interfaces. It
// cannot tell who made them.
type watcher struct {
	lost  chan struct{} // room for one: something of ours may be gone
	calls []winipcfg.ChangeCallback
}

// watch has all changes looked into, and, for what leads around the tunnel, what
// is said of routes and addresses.
func watch(around chan struct{}) (*watcher, error) {
	w := &watcher{lost: make(chan struct{}, 1)}
	both := func() {
		poke(w.lost)
		poke(around)
	}
	routes, err1 := winipcfg.RegisterRouteChangeCallback(func(winipcfg.MibNotificationType, *winipcfg.MibIPforwardRow2) { both() })
	if err1 == nil {
		w.calls = append(w.calls, routes)
	}
	addresses, err2 := winipcfg.RegisterUnicastAddressChangeCallback(func(winipcfg.MibNotificationType, *winipcfg.MibUnicastIPAddressRow) { both() })
	if err2 == nil {
		w.calls = append(w.calls, addresses)
	}
	links, err3 := winipcfg.RegisterInterfaceChangeCallback(func(winipcfg.MibNotificationType, *winipcfg.MibIPInterfaceRow) { both() })
	if err3 == nil {
		w.calls = append(w.calls, links)
	}
	if err := errors.Join(err1, err2, err3); err != nil {
		w.close()
		return nil, fmt.Errorf("watch routes and addresses: %w", err)
	}
	return w, nil
}

// close ends the watcher.
func (w *watcher) close() {
	for _, c := range w.calls {
		_ = c.Unregister() // it fails only where there is nothing to end
	}
}
