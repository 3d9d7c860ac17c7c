package netcfg

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers and structures of Apple's sys/sockio.h, net/if.h and netinet6/in6_var.h
// that golang.org/x/sys does not have. The size of each structure is part of its
// request's number.
const (
	siocAIFAddrIn6 = 0x8080691a // _IOW('i', 26, struct in6_aliasreq)
	siocDIFAddrIn6 = 0x81206919 // _IOW('i', 25, struct in6_ifreq)

	in6NoDAD = 0x20       // IN6_IFF_NODAD: nobody else can have the address
	forever  = 0xffffffff // ND6_INFINITE_LIFETIME
)

// aliasRequest is struct ifaliasreq.
type aliasRequest struct {
	name    [unix.IFNAMSIZ]byte
	address unix.RawSockaddrInet4
	other   unix.RawSockaddrInet4 // the far end of the line
	mask    unix.RawSockaddrInet4
}

// addressRequest is struct ifreq with an IPv4 address.
type addressRequest struct {
	name    [unix.IFNAMSIZ]byte
	address unix.RawSockaddrInet4
}

// aliasRequest6 is struct in6_aliasreq.
type aliasRequest6 struct {
	name      [unix.IFNAMSIZ]byte
	address   unix.RawSockaddrInet6
	other     unix.RawSockaddrInet6
	mask      unix.RawSockaddrInet6
	flags     int32
	expire    int64
	preferred int64
	valid     uint32
	prefer    uint32
}

// addressRequest6 is struct in6_ifreq, whose longest content is statistics.
type addressRequest6 struct {
	name    [unix.IFNAMSIZ]byte
	address unix.RawSockaddrInet6
	_       [272 - unix.SizeofSockaddrInet6]byte
}

// The sizes are those that the numbers of the requests say.
var (
	_ [unix.SIOCAIFADDR >> 16 & 0x1fff]byte = [unsafe.Sizeof(aliasRequest{})]byte{}
	_ [unix.SIOCDIFADDR >> 16 & 0x1fff]byte = [unsafe.Sizeof(addressRequest{})]byte{}
	_ [siocAIFAddrIn6 >> 16 & 0x1fff]byte   = [unsafe.Sizeof(aliasRequest6{})]byte{}
	_ [siocDIFAddrIn6 >> 16 & 0x1fff]byte   = [unsafe.Sizeof(addressRequest6{})]byte{}
)

func setMTU(iface string, mtu int) error {
	if mtu == 0 {
		return nil
	}
	return onSocket(unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
		r := unix.IfreqMTU{Name: nameOf(iface), MTU: int32(mtu)}
		if err := unix.IoctlSetIfreqMTU(fd, &r); err != nil {
			return fmt.Errorf("set mtu %d: %w", mtu, err)
		}
		return nil
	})
}

// changeAddress adds an address, or removes it. The far end of the line is the
// address itself.
func changeAddress(iface string, do verb, a netip.Prefix) error {
	if a.Addr().Is4() {
		return changeAddress4(iface, do, a)
	}
	return changeAddress6(iface, do, a)
}

func changeAddress4(iface string, do verb, a netip.Prefix) error {
	return onSocket(unix.AF_INET, unix.SOCK_DGRAM, func(fd int) error {
		if do == toRemove {
			r := addressRequest{name: nameOf(iface), address: sockaddr4(a.Addr())}
			return unlessGone(ioctl(fd, unix.SIOCDIFADDR, unsafe.Pointer(&r)))
		}
		r := aliasRequest{name: nameOf(iface), address: sockaddr4(a.Addr()), other: sockaddr4(a.Addr()), mask: sockaddr4(maskOf(a))}
		return ioctl(fd, unix.SIOCAIFADDR, unsafe.Pointer(&r))
	})
}

func changeAddress6(iface string, do verb, a netip.Prefix) error {
	return onSocket(unix.AF_INET6, unix.SOCK_DGRAM, func(fd int) error {
		if do == toRemove {
			r := addressRequest6{name: nameOf(iface), address: sockaddr6(a.Addr())}
			return unlessGone(ioctl(fd, siocDIFAddrIn6, unsafe.Pointer(&r)))
		}
		r := aliasRequest6{
			name: nameOf(iface), address: sockaddr6(a.Addr()), mask: sockaddr6(maskOf(a)),
			flags: in6NoDAD, valid: forever, prefer: forever,
		}
		return ioctl(fd, siocAIFAddrIn6, unsafe.Pointer(&r))
	})
}

// unlessGone is no error where an address or its interface is gone already.
func unlessGone(err error) error {
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENXIO) {
		return nil
	}
	return err
}

// onSocket lends a socket to ask the kernel on.
func onSocket(family, kind int, ask func(fd int) error) error {
	fd, err := openSocket(family, kind)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return ask(fd)
}

// openSocket opens a socket that no program inherits.
func openSocket(family, kind int) (fd int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err = unix.Socket(family, kind, 0)
	if err != nil {
		return -1, fmt.Errorf("open socket: %w", err)
	}
	unix.CloseOnExec(fd)
	return fd, nil
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// nameOf is a name as the kernel takes it. Spec.Validate bounds its length.
func nameOf(iface string) (name [unix.IFNAMSIZ]byte) {
	copy(name[:unix.IFNAMSIZ-1], iface)
	return name
}

func sockaddr4(a netip.Addr) unix.RawSockaddrInet4 {
	return unix.RawSockaddrInet4{Len: unix.SizeofSockaddrInet4, Family: unix.AF_INET, Addr: a.As4()}
}

func sockaddr6(a netip.Addr) unix.RawSockaddrInet6 {
	return unix.RawSockaddrInet6{Len: unix.SizeofSockaddrInet6, Family: unix.AF_INET6, Addr: a.As16()}
}
