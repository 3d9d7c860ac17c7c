package probe

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/service/underlay"
)

// The system sends echoes for us: its firewall would drop the answers to a raw
// socket's.
var (
	icmpCreateFile  = iphlpapi.NewProc("IcmpCreateFile")
	icmp6CreateFile = iphlpapi.NewProc("Icmp6CreateFile")
	icmpCloseHandle = iphlpapi.NewProc("IcmpCloseHandle")
	icmpSendEcho2Ex = iphlpapi.NewProc("IcmpSendEcho2Ex")
	icmp6SendEcho2  = iphlpapi.NewProc("Icmp6SendEcho2")
)

// echo asks a host for an echo outside the tunnel, up to three times, and
// returns how long the answer took. A host that does not answer fails with a
// timeout. One try cannot be interrupted and takes half a second at most.
func (o *Outside) echo(ctx context.Context, to netip.Addr) (time.Duration, error) {
	to = to.Unmap()
	from, err := o.sourceOf(to)
	if err != nil {
		return 0, err
	}
	open := icmpCreateFile
	if to.Is6() {
		open = icmp6CreateFile
	}
	handle, _, err := open.Call()
	if windows.Handle(handle) == windows.InvalidHandle {
		return 0, fmt.Errorf("open echo: %w", err)
	}
	defer func() { _, _, _ = icmpCloseHandle.Call(handle) }()
	defer o.pass("icmp", netip.AddrPortFrom(to, 0))()
	for range tries {
		if ctx.Err() != nil {
			break
		}
		start := time.Now()
		if sendEcho(handle, from, to) {
			return time.Since(start), nil
		}
		wait(ctx, tryEvery-time.Since(start))
	}
	return 0, fmt.Errorf("read echo: %w", context.DeadlineExceeded)
}

// sourceOf returns the address of the underlay that a host is asked from, which
// decides the interface. Without a mark it is left to the system, and where the
// host's own address says the interface. It is read, not learned by connecting a
// socket: the guard refuses that already.
func (o *Outside) sourceOf(to netip.Addr) (netip.Addr, error) {
	from := netip.IPv4Unspecified()
	if to.Is6() {
		from = netip.IPv6Unspecified()
	}
	if o.Mark == 0 || to.Zone() != "" {
		return from, nil
	}
	r, err := underlay.Open()
	if err != nil {
		return from, fmt.Errorf("find source: %w", err)
	}
	defer r.Close()
	way, ok := r.Path(to, o.Mark, o.Ours)
	if !ok || !way.From.IsValid() {
		return from, fmt.Errorf("find source: %w", underlay.ErrNoWay)
	}
	return way.From, nil
}

// sendEcho sends one echo and says whether the host itself answered it.
func sendEcho(handle uintptr, from, to netip.Addr) bool {
	payload := []byte("holdfast")
	reply := make([]uint64, 64)
	room := uintptr(len(reply) * 8)
	timeout := uintptr(tryEvery / time.Millisecond)
	// Where the status stands in ICMP_ECHO_REPLY and ICMPV6_ECHO_REPLY.
	status := 4
	var count uintptr
	if to.Is4() {
		f, t := from.As4(), to.As4()
		count, _, _ = icmpSendEcho2Ex.Call(handle, 0, 0, 0,
			uintptr(binary.NativeEndian.Uint32(f[:])), uintptr(binary.NativeEndian.Uint32(t[:])),
			uintptr(unsafe.Pointer(&payload[0])), uintptr(len(payload)), 0, uintptr(unsafe.Pointer(&reply[0])), room, timeout)
	} else {
		status = 28
		var f, t windows.RawSockaddrInet6
		putSockaddr(&f, from)
		putSockaddr(&t, to)
		count, _, _ = icmp6SendEcho2.Call(handle, 0, 0, 0,
			uintptr(unsafe.Pointer(&f)), uintptr(unsafe.Pointer(&t)),
			uintptr(unsafe.Pointer(&payload[0])), uintptr(len(payload)), 0, uintptr(unsafe.Pointer(&reply[0])), room, timeout)
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&reply[0])), room)
	return count > 0 && binary.NativeEndian.Uint32(bytes[status:]) == 0
}

// scopeOf returns the index of the interface in an address' zone. 0: none.
func scopeOf(a netip.Addr) uint32 {
	if n, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}
