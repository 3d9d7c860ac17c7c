package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"holdfast/web/api"
)

const (
	// headerWait is how long a caller may take to send the head of a request;
	// after it the connection is closed. It bounds silent callers too.
	headerWait = 3 * time.Second
	// replyWait is how long a reply may take, made and read. A stream sets a
	// deadline for each of its messages instead.
	replyWait = 90 * time.Second
	// idleWait is how long a connection may wait for its next request.
	idleWait = 2 * time.Minute
	// maxHead bounds the head of a request, in bytes.
	maxHead = 8 << 10
)

// NewServer makes the HTTP server for a handler of New: with limits on what a
// caller may send and how long it may take. Identify puts the caller of a
// connection into its context (WithCaller, WithIdentity). A panic in a handler
// ends that connection and goes to the log.
func NewServer(h http.Handler, identify func(context.Context, net.Conn) context.Context, log *slog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           h,
		ConnContext:       identify,
		ReadHeaderTimeout: headerWait,
		WriteTimeout:      replyWait,
		IdleTimeout:       idleWait,
		// Go adds 4 KiB of its own to what it is told.
		MaxHeaderBytes: maxHead - 4<<10,
		Protocols:      protocols,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Busy is a whole HTTP reply for whoever accepts connections to write to one
// too many.
func Busy() []byte {
	body, err := json.Marshal(api.Error{
		Code: api.Unavailable, Message: "Too many connections are open.", Hint: "Close a page or a command that follows.",
	})
	if err != nil {
		panic("a refusal cannot be written as JSON: " + err.Error())
	}
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
