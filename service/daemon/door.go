package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"holdfast/service/control"
	"holdfast/web"
)

// door serves the API on the control socket.
type door struct {
	listener net.Listener
	server   *http.Server
	log      *slog.Logger
	done     chan struct{} // closed when every stream is to end
	once     sync.Once
}

func newDoor(l net.Listener, api http.Handler, done chan struct{}, log *slog.Logger) *door {
	roles := &control.Roles{Groups: groups}
	identify := func(ctx context.Context, c net.Conn) context.Context {
		peer, known := control.PeerOf(c)
		if !known {
			return ctx
		}
		return web.WithIdentity(ctx, func() web.Caller {
			return web.Caller{Role: web.ParseRole(string(roles.Role(peer))), UID: peer.UID, User: roles.Name(peer)}
		})
	}
	return &door{listener: l, server: web.NewServer(api, identify, log), log: log, done: done}
}

// serve answers callers until close.
func (d *door) serve() {
	if err := d.server.Serve(d.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		d.log.Error("serve the socket", "err", err)
	}
}

// goodbye is how long callers may take to read their last answer.
const goodbye = time.Second

// close ends streams, lets other answers finish, and removes the socket.
func (d *door) close() {
	d.once.Do(func() {
		close(d.done)
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		if err := d.server.Shutdown(ctx); err != nil {
			_ = d.server.Close()
		}
		_ = d.listener.Close()
	})
}
