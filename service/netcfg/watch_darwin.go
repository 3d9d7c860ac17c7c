package netcfg

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// watcher listens to what the kernel says of routes, addresses and interfaces, and
// passes on that something may concern us.
type watcher struct {
	socket *os.File
	lost   chan struct{} // room for one: something of ours may be gone
	around chan struct{} // room for one: something may lead around the tunnel
	broke  chan error    // why it ended; nil: it was closed; then it is closed itself
}

func watch(around chan struct{}) (*watcher, error) {
	fd, err := openSocket(unix.AF_ROUTE, unix.SOCK_RAW)
	if err != nil {
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	// Else Close does not end a Read.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch routes: %w", err)
	}
	w := &watcher{socket: os.NewFile(uintptr(fd), "route"), lost: make(chan struct{}, 1), around: around, broke: make(chan error, 1)}
	go func() {
		w.broke <- w.listen()
		close(w.broke)
	}()
	return w, nil
}

// close ends the watcher.
func (w *watcher) close() {
	_ = w.socket.Close()
	for range w.broke { // until it has ended
	}
}

// culprit is nobody: of a route the kernel says by which process it was changed,
// but no number that still has a name by then.
func (w *watcher) culprit() string { return "" }

// listen passes on what may concern us until the socket is closed.
func (w *watcher) listen() error {
	buf := make([]byte, 64<<10)
	for {
		n, err := w.socket.Read(buf)
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.ENOBUFS): // some were lost
			poke(w.lost)
			poke(w.around)
			continue
		case err != nil:
			return fmt.Errorf("watch routes: %w", err)
		}
		messages, err := route.ParseRIB(route.RIBTypeRoute, buf[:n])
		if err != nil || len(messages) == 0 {
			poke(w.lost) // it may be anything
			continue
		}
		for _, m := range messages {
			w.hear(m)
		}
	}
}

// hear passes a message on, unless it is of a change that we made.
func (w *watcher) hear(m route.Message) {
	switch m := m.(type) {
	case *route.RouteMessage:
		if m.ID == uintptr(os.Getpid()) || m.Flags&(rtfCloned|rtfLinkInfo) != 0 {
			return
		}
		switch m.Type {
		case unix.RTM_ADD, unix.RTM_DELETE, unix.RTM_CHANGE:
			poke(w.lost)
			poke(w.around)
		}
	case *route.InterfaceAddrMessage, *route.InterfaceMessage:
		poke(w.lost)
		poke(w.around)
	}
}
