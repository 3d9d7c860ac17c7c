package wg

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/windows/tunnel/winipcfg"

	"holdfast/service/underlay"
)

// interfaceID is the GUID of the interface. It stays the same, so that Windows
// knows the network behind it again and keeps what was set for it.
var interfaceID = windows.GUID{
	Data1: 0x6f1d7b52, Data2: 0x0c3e, Data3: 0x4d8a,
	Data4: [8]byte{0x9b, 0x47, 0x2e, 0xa1, 0x5c, 0x90, 0x63, 0xd4},
}

// nameType has Windows show the interface as one of Holdfast, not of WireGuard.
var nameType = sync.OnceFunc(func() { tun.WintunTunnelType = "Holdfast" })

// openTUN creates the interface by the driver that lies beside the program.
func openTUN(name string, mtu int) (tun.Device, error) {
	release, err := holdDriver()
	if err != nil {
		return nil, err
	}
	defer release() // by then the driver has been loaded, or is of no use
	nameType()
	for failures := 1; ; failures++ {
		dev, err := createTUN(name, mtu)
		if err == nil {
			return dev, nil
		}
		wait, again := createAgain(failures, windows.DurationSinceBoot())
		if !again || !passes(err) {
			return nil, fmt.Errorf("create interface: %w", err)
		}
		time.Sleep(wait)
	}
}

// createTUN creates the interface once. Another one of its name has been renamed by
// the driver.
func createTUN(name string, mtu int) (tun.Device, error) {
	dev, err := tun.CreateTUNWithRequestedGUID(name, &interfaceID, mtu)
	if err != nil {
		return nil, err
	}
	luid := winipcfg.LUID(dev.(*tun.NativeTun).LUID())
	given, err := nameOf(luid, name)
	if err != nil {
		_ = dev.Close()
		return nil, err
	}
	setMTU(luid, mtu)
	return follow(dev, given, mtu, func() (condition, error) { return look(luid) }, underlay.Follow), nil
}

const (
	// namedWithin is how long an interface may take to show the name that it was
	// given.
	namedWithin = time.Second
	namedLooks  = 10
)

// nameOf returns the name of a new interface, which is the wanted one unless the
// driver could not give it.
func nameOf(luid winipcfg.LUID, wanted string) (string, error) {
	for looks := 1; ; looks++ {
		c, err := look(luid)
		switch {
		case err != nil:
			return "", err
		case c.gone:
			return "", windows.ERROR_FILE_NOT_FOUND
		case c.name == wanted || looks == namedLooks:
			return c.name, nil
		}
		time.Sleep(namedWithin / namedLooks)
	}
}

// families are those of which an interface may have both, either or none.
var families = []winipcfg.AddressFamily{windows.AF_INET, windows.AF_INET6}

// setMTU sets what can be set by now; netcfg sets it where the addresses are.
func setMTU(luid winipcfg.LUID, mtu int) {
	for _, family := range families {
		if ip, err := luid.IPInterface(family); err == nil {
			ip.NLMTU = uint32(mtu)
			_ = ip.Set()
		}
	}
}

// look reads how an interface stands. Its MTU is the lesser one of both families;
// until it is set it is larger than any packet, and not told.
func look(luid winipcfg.LUID) (condition, error) {
	row, err := luid.Interface()
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) || errors.Is(err, windows.ERROR_NOT_FOUND) {
		return condition{gone: true}, nil
	}
	if err != nil {
		return condition{}, fmt.Errorf("find interface: %w", err)
	}
	c := condition{name: row.Alias(), up: row.AdminStatus == winipcfg.NetIfAdminStatusUp}
	for _, family := range families {
		ip, err := luid.IPInterface(family)
		if err == nil && ip.NLMTU < maxPacket && (c.mtu == 0 || int(ip.NLMTU) < c.mtu) {
			c.mtu = int(ip.NLMTU)
		}
	}
	return c, nil
}

// passing are the errors of creating an interface after which it may be created a
// moment later: the device installer is busy, or not yet there after the start of
// the computer; the interface of a process that has just ended is still being
// removed; the new device has not come up yet.
var passing = []error{
	windows.ERROR_FILE_NOT_FOUND, windows.ERROR_NOT_FOUND, windows.ERROR_ALREADY_EXISTS,
	windows.ERROR_DUP_NAME, windows.ERROR_OBJECT_ALREADY_EXISTS, windows.ERROR_DEVINST_ALREADY_EXISTS,
	windows.ERROR_NO_SUCH_DEVINST, windows.ERROR_DEV_NOT_EXIST, windows.ERROR_DEVICE_NOT_AVAILABLE,
	windows.ERROR_BUSY, windows.ERROR_NOT_READY, windows.ERROR_GEN_FAILURE, windows.ERROR_SHARING_VIOLATION,
	windows.ERROR_TIMEOUT, windows.WAIT_TIMEOUT, windows.ERROR_SERVICE_NOT_ACTIVE, windows.RPC_S_SERVER_UNAVAILABLE,
}

func passes(err error) bool {
	return slices.ContainsFunc(passing, func(known error) bool { return errors.Is(err, known) })
}
