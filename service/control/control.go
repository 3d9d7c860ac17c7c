// Package control is the door of the service: it listens on the socket (Linux,
// macOS) or the pipe (Windows), finds out from the kernel who is at the other
// end of every connection, and says what that person may do.
//
// It knows nothing of HTTP and reads no byte of what is said. It never believes
// anything a caller tells about themself: a connection whose owner the kernel
// does not name is closed at once.
package control

import (
	"errors"
	"log/slog"
	"net"
)

var (
	// ErrRunning says that another process serves this socket or pipe.
	ErrRunning = errors.New("another service is already running here")
	// ErrOccupied says that something that is not a socket is in the place of
	// the socket. It is left as it is.
	ErrOccupied = errors.New("the place of the socket is taken by something else")
	// ErrUnsafe says that others could put their own socket in the place of
	// ours: its folder belongs to, or may be written by, somebody else.
	ErrUnsafe = errors.New("the folder of the socket is not safe")
)

// Peer is who is at the other end of a connection, as the kernel knows it.
type Peer struct {
	// UID and GID are those the caller had when it connected. GID is -1 where
	// the system does not tell it; both are -1 on Windows.
	UID, GID int
	// SID is the caller's on Windows, else "".
	SID string
	// PID is for the log alone: it may be another process by now. 0: not known.
	PID int

	// token is what the caller's token allows, on Windows: it is read once,
	// while the caller waits.
	token Role
}

// Options bound what callers can take. The zero value means the defaults, which
// fit a service whose callers are commands and pages: each page that is open
// follows a stream, and people leave many of them open.
type Options struct {
	// PerUser is how many connections one person may have open, streams
	// included. 0: 96.
	PerUser int
	// Admin is the same for root and for the service's own user, whose
	// connections do not count towards Total. 0: 256.
	Admin int
	// Total is how many connections all persons together may have open. 0: 256.
	Total int
	// Share is how many one person may have open once half of Total is taken, so
	// that a few persons cannot take it all. 0: 8.
	Share int
	// Refusal is written to a connection over one of the bounds before it is
	// closed, where there are not too many of these. Nil: nothing is.
	Refusal []byte
	// Log gets what goes wrong with single connections. Nil: slog.Default.
	Log *slog.Logger
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	for _, n := range []struct {
		have *int
		def  int
	}{{&o.PerUser, 96}, {&o.Admin, 256}, {&o.Total, 256}, {&o.Share, 8}} {
		if *n.have <= 0 {
			*n.have = n.def
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Conn is an accepted connection and who is at its other end.
type Conn struct {
	net.Conn
	peer  Peer
	leave func() // gives its place back; may be called again
}

// Close closes the connection and gives its place to the next caller.
func (c *Conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// PeerOf tells who is at the other end of a connection that a listener of this
// package accepted. False: it is not one.
func PeerOf(c net.Conn) (Peer, bool) {
	own, ok := c.(*Conn)
	if !ok {
		return Peer{}, false
	}
	return own.peer, true
}
