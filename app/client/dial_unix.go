//go:build unix

package client

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/tailscale/peercred"
)

// dial connects to the service's socket, and to no one else's: both the socket
// file and the process that listens must belong to root or to ourselves. The
// file is looked at first, so that a stranger does not even see a connection;
// the process decides, because a path may be another file a moment later.
func dial(ctx context.Context, socket string) (net.Conn, error) {
	info, err := os.Lstat(socket)
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%w: %s is not a socket", ErrUntrusted, socket)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || !trusted(int(st.Uid)) {
		return nil, fmt.Errorf("%w: %s belongs to somebody else", ErrUntrusted, socket)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if !trusted(listener(conn)) {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: the listener on %s is somebody else's", ErrUntrusted, socket)
	}
	return conn, nil
}

// listener is the uid of the process at the other end, or -1.
func listener(conn net.Conn) int {
	creds, err := peercred.Get(conn)
	if err != nil {
		return -1
	}
	id, _ := creds.UserID()
	uid, err := strconv.Atoi(id)
	if err != nil {
		return -1
	}
	return uid
}

func trusted(uid int) bool { return uid == 0 || uid == os.Geteuid() }
