package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const (
	// pipeAccess is what a client may have on the pipe: reading, writing and
	// their attributes, but not FILE_CREATE_PIPE_INSTANCE, which GENERIC_WRITE
	// would ask for and which would let it pose as the service.
	pipeAccess = windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_DATA |
		windows.FILE_WRITE_DATA | windows.FILE_READ_EA | windows.FILE_READ_ATTRIBUTES
	// busyPause is the wait before a pipe whose instances are all taken is
	// tried again; the context ends the attempts.
	busyPause = 10 * time.Millisecond
)

// dial connects to the service's pipe, and to no one else's: its owner must be
// SYSTEM, Administrators or ourselves. The service learns who we are but cannot
// act as us (SECURITY_IDENTIFICATION).
func dial(ctx context.Context, socket string) (net.Conn, error) {
	path, err := windows.UTF16PtrFromString(socket)
	if err != nil {
		return nil, err
	}
	h, err := openPipe(ctx, path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: socket, Err: err}
	}
	if err := trustOwner(h); err != nil {
		_ = windows.CloseHandle(h)
		return nil, fmt.Errorf("%w: %s: %w", ErrUntrusted, socket, err)
	}
	return pipeConn{os.NewFile(uintptr(h), socket)}, nil
}

func openPipe(ctx context.Context, path *uint16) (windows.Handle, error) {
	const flags = windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_IDENTIFICATION
	for {
		h, err := windows.CreateFile(path, pipeAccess, 0, nil, windows.OPEN_EXISTING, flags, 0)
		if !errors.Is(err, windows.ERROR_PIPE_BUSY) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(busyPause):
		}
	}
}

// trustOwner says why the owner of a pipe is nobody we send to.
func trustOwner(h windows.Handle) error {
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("read the pipe's owner: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("read the pipe's owner: %w", err)
	}
	if owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return nil
	}
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return fmt.Errorf("read our own identity: %w", err)
	}
	if !owner.Equals(self.User.Sid) {
		return errors.New("the pipe belongs to somebody else")
	}
	return nil
}

// pipeConn is a pipe as a net.Conn.
type pipeConn struct{ *os.File }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

func (c pipeConn) LocalAddr() net.Addr  { return pipeAddr(c.Name()) }
func (c pipeConn) RemoteAddr() net.Addr { return pipeAddr(c.Name()) }
