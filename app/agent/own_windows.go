package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isOwn says whether a process of this very person is at the other end of a
// connection; an error says why not. Windows lists the connections with the
// processes that hold them, and a process has a token with its user.
func isOwn(c net.Conn) error {
	theirs, ours, err := ends(c)
	if err != nil {
		return err
	}
	layout := rows4
	if theirs.Addr().Is6() {
		layout = rows6
	}
	table, err := tcpTable(layout.family)
	if err != nil {
		return fmt.Errorf("list the connections: %w", err)
	}
	pid, ok := layout.find(table, theirs, ours)
	if !ok || pid == 0 {
		return errors.New("the other end has gone")
	}
	return sameUser(pid)
}

var getExtendedTCPTable = windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")

const (
	connectionsByProcess = 4 // TCP_TABLE_OWNER_PID_CONNECTIONS
	// tableTries is how often the list may grow while room is made for it.
	tableTries = 8
)

// tcpTable is the system's list of connections of one family of addresses.
func tcpTable(family uint32) ([]byte, error) {
	size := uint32(16 << 10)
	for range tableTries {
		table := make([]byte, size)
		status, _, _ := getExtendedTCPTable.Call(
			uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0,
			uintptr(family), connectionsByProcess, 0)
		switch err := windows.Errno(status); err {
		case 0:
			return table, nil
		case windows.ERROR_INSUFFICIENT_BUFFER:
			size += size / 2
		default:
			return nil, err
		}
	}
	return nil, windows.ERROR_INSUFFICIENT_BUFFER
}

// rows is the layout of the list: MIB_TCPROW_OWNER_PID and MIB_TCP6ROW_OWNER_PID
// of tcpmib.h. The list begins with the number of its rows.
type rows struct {
	family                                            uint32
	size, local, localPort, remote, remotePort, owner int
	address                                           int
}

var (
	rows4 = rows{family: windows.AF_INET, size: 24, local: 4, localPort: 8, remote: 12, remotePort: 16, owner: 20, address: 4}
	rows6 = rows{family: windows.AF_INET6, size: 56, local: 0, localPort: 20, remote: 24, remotePort: 44, owner: 52, address: 16}
)

// find is the process that holds the connection from theirs to ours.
func (l rows) find(table []byte, theirs, ours netip.AddrPort) (pid uint32, ok bool) {
	for row := range binary.LittleEndian.Uint32(table) {
		at := 4 + int(row)*l.size
		if at+l.size > len(table) {
			break
		}
		r := table[at : at+l.size]
		if l.is(r, l.local, l.localPort, theirs) && l.is(r, l.remote, l.remotePort, ours) {
			return binary.LittleEndian.Uint32(r[l.owner:]), true
		}
	}
	return 0, false
}

// is compares one end of a row. Ports are in network order.
func (l rows) is(row []byte, at, port int, want netip.AddrPort) bool {
	have, ok := netip.AddrFromSlice(row[at : at+l.address])
	return ok && have == want.Addr().WithZone("") && binary.BigEndian.Uint16(row[port:]) == want.Port()
}

// sameUser says whether a process runs as the person.
func sameUser(pid uint32) error {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return fmt.Errorf("look at the other end's process: %w", err)
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return fmt.Errorf("look at the other end's process: %w", err)
	}
	defer func() { _ = token.Close() }()
	theirs, err := token.GetTokenUser()
	if err != nil {
		return fmt.Errorf("look at the other end's user: %w", err)
	}
	ours, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("look at our own user: %w", err)
	}
	if !theirs.User.Sid.Equals(ours.User.Sid) {
		return fmt.Errorf("the other end belongs to the user %s", theirs.User.Sid)
	}
	return nil
}
