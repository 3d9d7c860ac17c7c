package agent

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// headerWait is how long a caller may take to send the head of a request;
	// after it the connection is closed. It bounds silent callers too.
	headerWait = 3 * time.Second
	// bodyWait is how long the body of a request may take to arrive; after it
	// the connection is closed.
	bodyWait = 5 * time.Second
	// writeWait is how long one piece of a reply may wait for its reader; after
	// it the connection is closed.
	writeWait = 10 * time.Second
	// idleWait is how long a connection may wait for its next request.
	idleWait = 2 * time.Minute
	// maxHead bounds the head of a request, in bytes.
	maxHead = 8 << 10
)

// newServer makes the HTTP server, with limits on what a caller may send and how
// long it may take. A panic in a handler ends that connection and goes to the log.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerWait,
		IdleTimeout:       idleWait,
		// Go adds 4 KiB of its own to what it is told.
		MaxHeaderBytes: maxHead - 4<<10,
		Protocols:      protocols,
		// Ours answers OPTIONS as it answers any method that is not served.
		DisableGeneralOptionsHandler: true,
		// A page could fill the log with what it has to say of requests.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// patient is a reply whose every piece has writeWait to reach its reader, so
// that a stream may last for hours and a reader who stopped reading may not.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush the reply itself.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
