package agent

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// isOwn says whether a process of this very person is at the other end of a
// connection; an error says why not.
//
// macOS has no call for this, but gives everyone the list of its TCP sockets with
// their owners, which netstat shows too. The list is not a documented interface.
// So it is believed only where it shows our own end of this very connection as
// ours: then the other end must be in it, and be the person's. Where it does not,
// the connection is let in: what protects the page then is the code, which only
// the person can read, and the token, which only the page has. This file has been
// compiled, and its reading of the list tested, but it has not run on a Mac yet.
func isOwn(c net.Conn) error {
	theirs, ours, err := ends(c)
	if err != nil {
		return err
	}
	list, err := unix.SysctlRaw("net.inet.tcp.pcblist_n")
	if err != nil {
		return nil
	}
	self := uint32(os.Geteuid())
	if uid, ok := pcbOwner(list, ours, theirs); !ok || uid != self {
		return nil
	}
	uid, ok := pcbOwner(list, theirs, ours)
	if !ok {
		return errors.New("the other end has gone")
	}
	if uid != self {
		return fmt.Errorf("the other end belongs to the account with uid %d", uid)
	}
	return nil
}
