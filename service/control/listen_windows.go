package control

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/windows"
	"golang.zx2c4.com/wireguard/ipc/namedpipe"
)

const (
	// pipeRights: SYSTEM and Administrators have all of them; persons who are
	// logged on may connect, read and write, but not make a further instance of
	// the pipe (which GENERIC_WRITE would include) and so pose as the service.
	pipeRights = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12008b;;;IU)"
	// firstByteWait is how long a caller may be silent before it is dropped:
	// the system tells who it is only once it has sent something.
	firstByteWait = 3 * time.Second
	// waiting bounds the callers who have connected and not yet been identified.
	waiting = 32
	// againAfter is how long after it could not be made another instance of the pipe
	// is made.
	againAfter = 100 * time.Millisecond
)

// Listen makes the pipe. ErrRunning: it exists already. Callers from other
// machines are refused by the system.
//
// Accept of the listener returns only connections whose peer is known; PeerOf
// tells who it is.
func Listen(path string, o Options) (net.Listener, error) {
	o = o.withDefaults()
	rights := pipeRights
	self, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read our own identity: %w", err)
	}
	own := self.User.Sid.String()
	// The owner is what the client trusts the pipe by; left out, it is whatever
	// the token and the system's policy have for new things. A service that a
	// person runs for themself must be able to make its further instances.
	rights = "O:" + own + rights + "(A;;GA;;;" + own + ")"
	sd, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return nil, fmt.Errorf("make the pipe's rights: %w", err)
	}
	inner, err := (&namedpipe.ListenConfig{SecurityDescriptor: sd}).Listen(systemName(path))
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED), errors.Is(err, windows.ERROR_PIPE_BUSY), errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		return nil, fmt.Errorf("listen on %s: %w: %w", path, ErrRunning, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l := &listener{
		Listener: inner, gate: newGate(o, own), self: own,
		known: make(chan *Conn), slots: make(chan struct{}, waiting), done: make(chan struct{}),
	}
	go l.receive()
	return l, nil
}

// systemName is a pipe's path with its first part in capitals, as the system's
// own name of it is. Pipes are made with the case of letters minded, which
// Windows by default and Wine never sees past.
func systemName(path string) string {
	const prefix = `\\.\pipe\`
	if len(path) >= len(prefix) && strings.EqualFold(path[:len(prefix)], prefix) {
		return strings.ToUpper(prefix) + path[len(prefix):]
	}
	return path
}

// listener is the pipe. One goroutine, which ends when the pipe is closed,
// takes callers in; each is identified in a goroutine of its own, which ends
// within firstByteWait or with the listener.
type listener struct {
	net.Listener
	gate  *gate
	self  string
	known chan *Conn
	slots chan struct{}
	once  sync.Once
	done  chan struct{} // closed when no more callers come
	err   error         // why; set before done is closed
}

func (l *listener) receive() {
	for {
		c, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			l.stop(err)
			return
		case err != nil: // the system lacks something now, or a caller went away at once
			l.tell(err)
			select {
			case <-time.After(againAfter):
				continue
			case <-l.done:
				return
			}
		}
		select {
		case l.slots <- struct{}{}:
			go l.identify(c)
		default:
			_ = c.Close()
		}
	}
}

// tell has the log know that somebody could not be taken in, now and then.
func (l *listener) tell(err error) {
	l.gate.mu.Lock()
	may := l.gate.mayTellLocked(time.Now())
	l.gate.mu.Unlock()
	if may {
		l.gate.opt.Log.Warn("a caller could not be taken in", "err", err)
	}
}

func (l *listener) stop(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.done)
	})
}

// identify reads the first byte, asks who sent it, and hands the caller on.
func (l *listener) identify(c net.Conn) {
	defer func() { <-l.slots }()
	first := make([]byte, 1)
	_ = c.SetReadDeadline(time.Now().Add(firstByteWait))
	if _, err := c.Read(first); err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	p, err := peerOf(c, l.self)
	if err != nil {
		l.gate.opt.Log.Warn("refused a caller without an identity", "err", err)
		_ = c.Close()
		return
	}
	own := l.gate.enter(&begunConn{Conn: c, first: first}, p)
	if own == nil {
		return
	}
	select {
	case l.known <- own:
	case <-l.done:
		_ = own.Close()
	}
}

// Accept waits for the next caller who is known and has a place left.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.known:
		return c, nil
	case <-l.done:
		return nil, l.err
	}
}

// Close stops listening.
func (l *listener) Close() error {
	l.stop(net.ErrClosed)
	return l.Listener.Close()
}

// begunConn gives back the byte that was read to identify the caller.
type begunConn struct {
	net.Conn
	mu    sync.Mutex
	first []byte // guarded by mu
}

func (c *begunConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}
