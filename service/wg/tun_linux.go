package wg

import (
	"errors"
	"fmt"
	"os"
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
	*observed
	index  int32
	news   *nl.NetlinkSocket // what the kernel says of interfaces
	handle *netlink.Handle   // asks the kernel, in the same namespace
	ended  chan struct{}     // closed when follow has returned
}

// watchTUN sets the MTU and begins to follow the interface in the network
// namespace of the caller.
func watchTUN(dev tun.Device, name string, mtu int) (*linuxTUN, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("find interface: %w", err)
	}
	t := &linuxTUN{
		observed: observe(dev, name, mtu),
		index:    int32(link.Attrs().Index),
		ended:    make(chan struct{}),
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
	go t.follow()
	return t, nil
}

// follow turns the kernel's messages into events until Close.
func (t *linuxTUN) follow() {
	defer close(t.ended)
	defer close(t.events)
	for {
		msgs, from, err := t.news.Receive()
		switch {
		case t.closed.Load():
			return
		case errors.Is(err, unix.ENOBUFS):
			// Messages were dropped: what they said is asked for.
			t.reread()
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return
		case from.Pid == nl.PidKernel:
			for _, m := range msgs {
				t.hear(m)
			}
		}
	}
}

// hear reads one message.
func (t *linuxTUN) hear(m syscall.NetlinkMessage) {
	if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK || len(m.Data) < unix.SizeofIfInfomsg ||
		nl.DeserializeIfInfomsg(m.Data).Index != t.index {
		return
	}
	header := unix.NlMsghdr(m.Header)
	link, err := netlink.LinkDeserialize(&header, m.Data)
	switch {
	case err != nil:
	case m.Header.Type == unix.RTM_DELLINK:
		t.take(condition{gone: true}) // deleted, or moved to another namespace
	default:
		t.take(standing(link))
	}
}

// reread asks the kernel for the interface.
func (t *linuxTUN) reread() {
	link, err := t.handle.LinkByIndex(int(t.index))
	switch {
	case errors.As(err, &netlink.LinkNotFoundError{}):
		t.take(condition{gone: true})
	case err == nil:
		t.take(standing(link))
	}
}

// standing is how an interface stands, by what the kernel says of it.
func standing(link netlink.Link) condition {
	a := link.Attrs()
	return condition{name: a.Name, up: a.RawFlags&unix.IFF_UP != 0, mtu: a.MTU}
}

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
