package wg

import (
	"fmt"
	"net"

	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/underlay"
)

// openTUN creates the interface. "utun" has the system choose its number; a name
// with a number asks for that one.
func openTUN(name string, mtu int) (tun.Device, error) {
	dev, err := tun.CreateTUN(name, mtu)
	if err != nil {
		return nil, fmt.Errorf("create interface: %w", err)
	}
	given, err := dev.Name()
	if err != nil {
		_ = dev.Close()
		return nil, fmt.Errorf("find interface: %w", err)
	}
	link, err := net.InterfaceByName(given)
	if err != nil {
		_ = dev.Close()
		return nil, fmt.Errorf("find interface: %w", err)
	}
	go drain(dev)
	return follow(dev, given, mtu, func() (condition, error) { return look(link.Index) }, underlay.Follow), nil
}

// drain takes what the interface itself tells of its state, which would stop for
// want of room, until it is closed.
func drain(dev tun.Device) {
	for range dev.Events() {
	}
}

// look reads how the interface of an index stands.
func look(index int) (condition, error) {
	list, err := net.Interfaces()
	if err != nil {
		return condition{}, err
	}
	for _, i := range list {
		if i.Index == index {
			return condition{name: i.Name, up: i.Flags&net.FlagUp != 0, mtu: i.MTU}, nil
		}
	}
	return condition{gone: true}, nil
}
