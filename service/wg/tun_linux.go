package wg

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/tun"
)

// cloneDevice is what makes TUN interfaces.
const cloneDevice = "/dev/net/tun"

// openTUN creates the interface. It leaves out the listener of
// tun.CreateTUN, which wakes the process once a second for as long as the
// interface lives, and follows the kernel's own messages instead: they come
// only when something changes. IFF_VNET_HDR is what turns segmentation offload on;
// IFF_TUN_EXCL leaves alone an interface of that name which somebody else made.
func openTUN(name string, mtu int) (tun.Device, error) {
	fd, err := unix.Open(cloneDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cloneDevice, err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR | unix.IFF_TUN_EXCL)
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
	news   *nl.NetlinkSocket // what the kernel says of interfaces
	handle *netlink.Handle   // asks the kernel, in the same namespace
	events chan tun.Event    // closed by follow
	done   chan struct{}
	ended  chan struct{} // closed when follow has returned
	closed atomic.Bool
	// broke is why the interface is of no use, when there is more to it than that
	// it was set down.
	broke atomic.Pointer[error]
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
	if t.news, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK); err != nil {
		return nil, fmt.Errorf("watch interface: %w", err)
	}
	if t.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		t.news.Close()
		return nil, fmt.Errorf("watch interface: %w", err)
	}
	if err := netlink.LinkSetMTU(link, mtu); err != nil {
		t.news.Close()
		t.handle.Close()
		return nil, fmt.Errorf("set MTU: %w", err)
	}
	t.mtu.Store(int32(mtu))
	go t.follow()
	return t, nil
}

// follow turns the kernel's messages into events until Close. An interface is
// born down; only one that was up can go down.
func (t *linuxTUN) follow() {
	defer close(t.ended)
	defer close(t.events)
	up := false
	for {
		msgs, from, err := t.news.Receive()
		switch {
		case t.closed.Load():
			return
		case errors.Is(err, unix.ENOBUFS):
			// Messages were dropped: what they said is asked for.
			up = t.reread(up)
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return
		case from.Pid == nl.PidKernel:
			for _, m := range msgs {
				up = t.take(m, up)
			}
		}
	}
}

// take reads one message and returns whether the interface is up.
func (t *linuxTUN) take(m syscall.NetlinkMessage, up bool) bool {
	if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK || len(m.Data) < unix.SizeofIfInfomsg ||
		nl.DeserializeIfInfomsg(m.Data).Index != t.index {
		return up
	}
	header := unix.NlMsghdr(m.Header)
	link, err := netlink.LinkDeserialize(&header, m.Data)
	if err != nil {
		return up
	}
	if m.Header.Type == unix.RTM_DELLINK {
		t.breaks(ErrInterfaceGone) // deleted, or moved to another namespace
		return false
	}
	return t.tell(link, up)
}

// reread asks the kernel for the interface.
func (t *linuxTUN) reread(up bool) bool {
	link, err := t.handle.LinkByIndex(int(t.index))
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		t.breaks(ErrInterfaceGone)
		return false
	}
	if err != nil {
		return up
	}
	return t.tell(link, up)
}

// tell sends what is new about the interface.
func (t *linuxTUN) tell(link netlink.Link, up bool) bool {
	a := link.Attrs()
	if a.Name != t.name {
		t.breaks(ErrInterfaceRenamed)
		return false
	}
	up = t.became(a.RawFlags&unix.IFF_UP != 0, up)
	if mtu := int32(a.MTU); mtu > 0 && t.mtu.Swap(mtu) != mtu {
		t.send(tun.EventMTUUpdate)
	}
	return up
}

func (t *linuxTUN) became(up, was bool) bool {
	switch {
	case up && !was:
		t.send(tun.EventUp)
	case was && !up:
		t.send(tun.EventDown)
	}
	return up
}

// breaks ends the use of the interface, once.
func (t *linuxTUN) breaks(why error) {
	if t.broke.CompareAndSwap(nil, &why) {
		t.send(tun.EventDown)
	}
}

func (t *linuxTUN) whyDown() error {
	if why := t.broke.Load(); why != nil {
		return *why
	}
	return ErrInterfaceDown
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
	t.news.Close()
	err := t.Device.Close()
	<-t.ended
	t.handle.Close()
	return err
}
