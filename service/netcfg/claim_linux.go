package netcfg

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// claimWithin bounds the question who has the network.
const claimWithin = time.Second

// Claim takes the network of the namespace for this process, since what two
// Managers with the same numbers set cannot be told apart: the one would clean
// up what the other needs. It holds until release is called or the process
// ends. ErrClaimed: another process of root, or of our own user, has it; what
// somebody else pretends does not count.
func (m *Manager) Claim() (release func(), err error) {
	// An abstract name belongs to the network namespace, and ends with its process.
	name := fmt.Sprintf("@holdfast-network-%d", m.Table)
	l, err := net.Listen("unix", name)
	if err == nil {
		return func() { _ = l.Close() }, nil
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("claim the network: %w", err)
	}
	uid, err := holderOf(name)
	if err == nil && (uid == 0 || uid == os.Geteuid()) {
		return nil, ErrClaimed
	}
	m.Log.Warn("somebody else holds the name by which services find each other", "name", name, "uid", uid, "err", err)
	return func() {}, nil
}

// holderOf is the user who listens on an abstract name.
func holderOf(name string) (uid int, err error) {
	c, err := net.DialTimeout("unix", name, claimWithin)
	if err != nil {
		return -1, err
	}
	defer func() { _ = c.Close() }()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return -1, err
	}
	var cred *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, asked); err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
