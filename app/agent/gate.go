package agent

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// maxConns bounds the connections of all browsers; one more is closed.
	maxConns = 128
	// maxStreams bounds the streams among them, so that a page can always be
	// answered; one more is refused.
	maxStreams = 64
	// tellEvery is how often at most the log is told of strangers: every account
	// of the computer may knock, and none may fill it.
	tellEvery = time.Minute
)

// gate accepts connections of the person's own processes, and at most so many.
// It closes all others before a byte of theirs is read.
type gate struct {
	net.Listener
	seats chan struct{}
	log   *slog.Logger

	mu     sync.Mutex
	toldAt time.Time // when the log was told last
}

// newGate guards a listener. The listeners of one host share their seats.
func newGate(l net.Listener, of *loopback, log *slog.Logger) *gate {
	return &gate{Listener: l, seats: of.seats, log: log}
}

// Accept returns the next connection that may be served.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !isLoopback(c) {
			_ = c.Close()
			continue
		}
		if err := isOwn(c); err != nil {
			g.tell(err)
			_ = c.Close()
			continue
		}
		select {
		case g.seats <- struct{}{}:
			return &seated{Conn: c, leave: sync.OnceFunc(func() { <-g.seats })}, nil
		default:
			_ = c.Close()
		}
	}
}

func (g *gate) tell(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); g.toldAt.IsZero() || now.Sub(g.toldAt) >= tellEvery {
		g.toldAt = now
		g.log.Warn("a connection was refused", "err", err)
	}
}

// seated is a connection that gives its seat back when it is closed.
type seated struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (s *seated) Close() error {
	s.leave()
	return s.Conn.Close()
}
