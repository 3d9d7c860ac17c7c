// Package agent serves the page: it is the one place where Holdfast answers a
// browser. It runs as the person, inside the tray or `holdfast web`, listens on
// this computer only, and forwards what the page asks to the service's socket.
// What the person may do is decided there, from the credentials of this process.
//
// Loopback is shared by every account and by every page a browser shows, so
// nothing that arrives is believed. A connection must come from a process of the
// same person; a request must name this host exactly, come from this very page,
// and carry the token of a session. A session begins with a code that is used
// once: it reaches the browser through a file that only the person can read.
// There are no cookies, since a browser would show them to every other port.
//
// Without a session it says how to open the page and nothing else: whether a
// tunnel is up, or whether there is a service at all, shows in no answer.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"holdfast/app/client"
	"holdfast/app/prefs"
)

// Options are what a host is told. Socket and Prefs are required.
type Options struct {
	// Socket is the service's socket or pipe.
	Socket string
	// Port is the TCP port on loopback. 0: any that is free.
	Port int
	// ReadOnly lets the page look at everything and change nothing.
	ReadOnly bool
	// Tray says that the host is part of a tray, for the page to show.
	Tray bool
	// Demo serves /demo/v1/. Nil: this is no demo.
	Demo http.Handler
	// Prefs are the person's own preferences.
	Prefs *prefs.Store
	// Log gets what goes wrong. It never gets a code or a token. Nil: slog.Default.
	Log *slog.Logger
	// Browse opens an address in the person's browser. Nil: the system's way.
	Browse func(url string) error
	// RuntimeDir is the folder for the door and for the files that carry codes;
	// it is made where it is missing. "": the person's own by the system's custom.
	RuntimeDir string
}

// Host serves the page for one person. Make one with Listen.
type Host struct {
	opt      Options
	log      *slog.Logger
	listen   *loopback
	dir      string
	client   *client.Client
	forward  *forwarder
	codes    *codes
	sessions *sessions
	files    handovers
	server   *http.Server
	door     *door // nil: another host of the person's has it
}

// Listen takes the port and the door. The host answers once Run is called; Run
// also gives both back. It fails where the port is taken, where the folder for
// the codes is not the person's alone, or where the system does not tell who is
// at the other end of a connection.
func Listen(o Options) (_ *Host, err error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	dir, err := openFolder(o.RuntimeDir)
	if err != nil {
		return nil, err
	}
	h := &Host{
		opt: o, log: o.Log, dir: dir, client: client.New(o.Socket),
		codes: newCodes(), sessions: newSessions(),
	}
	pages, err := loadPages()
	if err != nil {
		return nil, err
	}
	if h.listen, err = listenLoopback(o.Port); err != nil {
		return nil, err
	}
	if err := h.listen.knowsCallers(isOwn); err != nil {
		h.listen.close()
		return nil, fmt.Errorf("tell your programs from those of others: %w", err)
	}
	h.forward = newForwarder(o.Socket, o.Log)
	h.server = newServer(h.handler(pages), o.Log)
	if h.door, err = openDoor(dir, o.Socket, h); err != nil && !errors.Is(err, errDoorTaken) {
		h.listen.close()
		return nil, err
	}
	h.files.sweep(dir)
	return h, nil
}

// URL is the page's address, without a session: "http://127.0.0.1:PORT/".
func (h *Host) URL() string { return fmt.Sprintf("http://127.0.0.1:%d/", h.listen.port) }

// HasDoor says that `holdfast open` reaches this host, and not another of the
// person's that serves the same service's page.
func (h *Host) HasDoor() bool { return h.door != nil }

// Run serves until ctx is done; then it ends every session and stream, takes
// back the files that carry codes, and returns nil. It may be called once.
func (h *Host) Run(ctx context.Context) error {
	failed := make(chan error, len(h.listen.listeners))
	for _, l := range h.listen.listeners {
		go func() { failed <- h.server.Serve(newGate(l, h.listen, h.log)) }()
	}
	if h.door != nil {
		go h.door.serve()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve the page: %w", err)
	}
	h.close()
	return err
}

// closeWait is how long replies may take to end when the host stops; after it
// their connections are cut.
const closeWait = time.Second

func (h *Host) close() {
	if h.door != nil {
		h.door.close()
	}
	// Nobody comes in any more before the sessions end: who asked again meanwhile
	// would be told that their session is over, and not that the host is.
	h.server.SetKeepAlivesEnabled(false)
	h.listen.close()
	h.sessions.endAll()
	h.files.close()
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close()
	}
	h.forward.lines.close()
	h.client.Close()
}
