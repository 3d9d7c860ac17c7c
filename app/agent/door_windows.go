package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/ipc/namedpipe"
)

// listenDoor makes a pipe that nobody but the person may open. errDoorTaken: the
// name is in use.
func listenDoor(path string) (net.Listener, error) {
	self, err := person()
	if err != nil {
		return nil, err
	}
	rights, err := windows.SecurityDescriptorFromString(fmt.Sprintf("O:%[1]sD:P(A;;GA;;;%[1]s)", self))
	if err != nil {
		return nil, err
	}
	l, err := (&namedpipe.ListenConfig{SecurityDescriptor: rights}).Listen(pipeOf(path, self))
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_ALREADY_EXISTS) || errors.Is(err, windows.ERROR_PIPE_BUSY) {
		return nil, errDoorTaken
	}
	return l, err
}

// dialDoor goes to a pipe of the person's, and to nobody else's.
func dialDoor(ctx context.Context, path string) (net.Conn, error) {
	self, err := person()
	if err != nil {
		return nil, err
	}
	return (&namedpipe.DialConfig{ExpectedOwner: self}).DialContext(ctx, pipeOf(path, self))
}

// pipeOf is the pipe that stands for a path: pipes have no folders that only one
// person may enter, so the name says whose it is. Its first part is in capitals,
// as the system's own name is, since a pipe is made with the case of letters minded.
func pipeOf(path string, self *windows.SID) string {
	sum := sha256.Sum256([]byte(self.String() + path))
	return `\\.\PIPE\Holdfast-` + hex.EncodeToString(sum[:8])
}

// person is the user this process runs as.
func person() (*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read our own identity: %w", err)
	}
	return user.User.Sid, nil
}
