package underlay

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Follow calls changed after each change of the interfaces, addresses and routes
// in the network namespace of the calling thread, from a goroutine of its own,
// until stop, which waits for it. Many changes may be one call. It costs nothing
// while nothing changes. failed is called where no more changes are told.
func Follow(changed func(), failed func(error)) (stop func(), err error) {
	events, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("subscribe to network changes: %w", err)
	}
	var stopped atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			_, _, err := events.Receive()
			if stopped.Load() || errors.Is(err, os.ErrClosed) {
				return
			}
			// An overrun means that many came, which is a change too.
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				failed(err)
				return
			}
			changed()
		}
	})
	return func() {
		stopped.Store(true)
		events.Close()
		wg.Wait()
	}, nil
}
