package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	iphlpapi           = windows.NewLazySystemDLL("iphlpapi.dll")
	resolveIPNetEntry2 = iphlpapi.NewProc("ResolveIpNetEntry2")
)

// ipNetRow2 is MIB_IPNET_ROW2.
type ipNetRow2 struct {
	address        windows.RawSockaddrInet6 // SOCKADDR_INET
	interfaceIndex uint32
	interfaceLUID  uint64
	physical       [32]byte
	physicalLength uint32
	state          uint32
	flags          uint32
	reachability   uint32
}

// neighbour has the system ask the router by ARP or ND, and returns whether it
// answered. The system takes up to 3 s for it and cannot be interrupted.
func (o *Outside) neighbour(ctx context.Context, e exit) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	// Wine has no such function, and calling it would end the service.
	if err := resolveIPNetEntry2.Find(); err != nil {
		return false, fmt.Errorf("ask neighbour: %w", err)
	}
	row := ipNetRow2{interfaceIndex: uint32(e.index)}
	putSockaddr(&row.address, e.gateway)
	code, _, _ := resolveIPNetEntry2.Call(uintptr(unsafe.Pointer(&row)), 0)
	switch err := windows.Errno(code); {
	case code == 0:
		return true, nil
	case errors.Is(err, windows.ERROR_BAD_NET_NAME), errors.Is(err, windows.ERROR_NOT_FOUND):
		return false, nil
	default:
		return false, fmt.Errorf("ask neighbour: %w", err)
	}
}

// putSockaddr writes an address as a SOCKADDR_INET, whose longest form sa is.
func putSockaddr(sa *windows.RawSockaddrInet6, a netip.Addr) {
	if a.Is4() {
		*(*windows.RawSockaddrInet4)(unsafe.Pointer(sa)) = windows.RawSockaddrInet4{Family: windows.AF_INET, Addr: a.As4()}
		return
	}
	*sa = windows.RawSockaddrInet6{Family: windows.AF_INET6, Addr: a.As16(), Scope_id: scopeOf(a)}
}
