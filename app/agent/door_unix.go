//go:build unix

package agent

import (
	"context"
	"net"
	"os"
)

// listenDoor makes the socket; closing the listener removes it. errDoorTaken:
// somebody answers there already.
func listenDoor(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, doorWait); err == nil {
		_ = c.Close()
		return nil, errDoorTaken
	}
	_ = os.Remove(path) // of a host that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

func dialDoor(ctx context.Context, path string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", path)
}
