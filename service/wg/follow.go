package wg

import (
	"sync"

	"golang.zx2c4.com/wireguard/tun"
)

// followed is an interface whose state is read when the system tells that some
// interface has changed. While nothing does it costs nothing.
type followed struct {
	*observed
	read  func() (condition, error)
	news  chan struct{} // cap 1: something has changed
	ended sync.WaitGroup
	stop  func() // ends the following of the system
}

// subscribe is underlay.Follow.
type subscribe func(changed func(), failed func(error)) (stop func(), err error)

// follow takes dev over, which is called name and has the MTU mtu. Where the system
// tells of no changes, or no more, what breaks is learned by reading and writing
// alone.
func follow(dev tun.Device, name string, mtu int, read func() (condition, error), to subscribe) *followed {
	f := &followed{observed: observe(dev, name, mtu), read: read, news: make(chan struct{}, 1)}
	stop, err := to(f.changed, func(error) {})
	if err != nil {
		stop = func() {}
	}
	f.stop = stop
	f.changed() // it may have been set up before it was followed
	f.ended.Go(f.tell)
	return f
}

func (f *followed) changed() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// tell turns changes into events until Close.
func (f *followed) tell() {
	defer close(f.events)
	for {
		select {
		case <-f.news:
		case <-f.done:
			return
		}
		// Where it cannot be known, the next change tells.
		if c, err := f.read(); err == nil {
			f.take(c)
		}
	}
}

// Close removes the interface and ends the goroutine.
func (f *followed) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	close(f.done)
	f.stop()
	err := f.Device.Close()
	f.ended.Wait()
	return err
}
