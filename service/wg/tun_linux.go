package wg

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// cloneDevice is what makes TUN interfaces.
const cloneDevice = "/dev/net/tun"

// openTUN creates the interface. It leaves out the listener of
// tun.CreateTUN, which wakes the process once a second for as long as the
// interface lives, and follows the kernel's own messages instead: they come
// only when something changes. IFF_VNET_HDR is what turns segmentation offload on.
func openTUN(name string, mtu int) (tun.Device, error) {
	fd, err := unix.Open(cloneDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cloneDevice, err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("create interface: %w", err)
	}
	// From here on the descriptor belongs to the device.
	dev, name, err := tun.CreateUnmonitoredTUNFromFD(fd)
	if err != nil {
		return nil, fmt.Errorf("create interface: %w", err)
	}
	t, err := watchTUN(dev, name, mtu)
	if err != nil {
		_ = dev.Close()
		return nil, err
	}
	return t, nil
}

// linuxTUN is an interface whose state comes from rtnetlink.
type linuxTUN struct {
	tun.Device
	name   string
	index  int32
	mtu    atomic.Int32
	events chan tun.Event // closed by follow
	done   chan struct{}
	ended  chan struct{} // closed when follow has returned
	closed atomic.Bool
}

// watchTUN sets the MTU and begins to follow the interface in the network
// namespace of the caller.
func watchTUN(dev tun.Device, name string, mtu int) (*linuxTUN, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find interface: %w", err)
	}
	t := &linuxTUN{
		Device: dev,
		name:   name,
		index:  int32(link.Attrs().Index),
		events: make(chan tun.Event, 8),
		done:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	updates := make(chan netlink.LinkUpdate)
	if err := netlink.LinkSubscribe(updates, t.done); err != nil {
		return nil, fmt.Errorf("watch interface: %w", err)
	}
	if err := netlink.LinkSetMTU(link, mtu); err != nil {
		close(t.done)
		for range updates { // until the subscription has ended
		}
		return nil, fmt.Errorf("set MTU: %w", err)
	}
	t.mtu.Store(int32(mtu))
	go t.follow(updates)
	return t, nil
}

// follow turns the kernel's messages into events until the subscription ends,
// which Close makes it do.
func (t *linuxTUN) follow(updates <-chan netlink.LinkUpdate) {
	defer close(t.ended)
	defer close(t.events)
	up := false
	for u := range updates {
		if u.Index != t.index || t.closed.Load() {
			continue
		}
		isUp := u.Flags&unix.IFF_UP != 0 && u.Header.Type != unix.RTM_DELLINK
		if isUp != up {
			// An interface is born down; only one that was up can go down.
			if up = isUp; up {
				t.send(tun.EventUp)
			} else {
				t.send(tun.EventDown)
			}
		}
		if mtu := int32(u.Link.Attrs().MTU); mtu > 0 && t.mtu.Swap(mtu) != mtu {
			t.send(tun.EventMTUUpdate)
		}
	}
}

// send waits for room, and gives up when the interface is being closed.
func (t *linuxTUN) send(ev tun.Event) {
	select {
	case t.events <- ev:
	case <-t.done:
	}
}

// Events are those of rtnetlink.
func (t *linuxTUN) Events() <-chan tun.Event { return t.events }

// MTU is the last one the kernel told; asking for it would need the namespace
// of the interface.
func (t *linuxTUN) MTU() (int, error) { return int(t.mtu.Load()), nil }

// Name is the interface's name when it was created.
func (t *linuxTUN) Name() (string, error) { return t.name, nil }

// Close removes the interface and ends the goroutine.
func (t *linuxTUN) Close() error {
	if t.closed.Swap(true) {
		return os.ErrClosed
	}
	close(t.done)
	err := t.Device.Close()
	<-t.ended
	return err
}
