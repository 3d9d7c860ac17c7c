package lab

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"holdfast/service/tunnel"
)

var (
	// ErrClosed says that the lab has been closed.
	ErrClosed = errors.New("the lab is closed")
	// ErrNoSuchServer says that no server of the lab has this name.
	ErrNoSuchServer = errors.New("no such server")
	// ErrNoSuchFault says that no fault has this key.
	ErrNoSuchFault = errors.New("no such fault")
)

// Options say how a lab behaves. The zero value is usable.
type Options struct {
	// Log receives what the servers report. Nil: nothing is logged.
	Log *slog.Logger
	// Seed decides which packets are lost, delayed and reordered: the same seed
	// and the same packets give the same answers. Keys are always random.
	Seed uint64
	// OnNetwork is told after SetNetwork changed the state, in the goroutine
	// that called it. Nil: nobody is told.
	OnNetwork func(up bool)
}

// Lab is a set of servers. Its methods may be called from any goroutine.
type Lab struct {
	options Options
	log     *slog.Logger

	mu      sync.Mutex // protects what follows, and orders changes of the network
	servers []*Server
	down    bool
	closed  bool

	// network orders whole calls of SetNetwork, so that OnNetwork hears the
	// states in the order in which they were reached.
	network sync.Mutex
}

// New returns an empty lab whose network is up. The caller closes it.
func New(options Options) *Lab {
	log := options.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Lab{options: options, log: log}
}

// AddServer starts a server and its path. The name must be new in this lab.
// After Close it answers ErrClosed.
func (l *Lab) AddServer(name tunnel.Name, options ServerOptions) (*Server, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if l.findLocked(name) != nil {
		return nil, fmt.Errorf("add server %s: the name is in use", name)
	}
	var shared *site
	if options.SameSite != "" {
		other := l.findLocked(options.SameSite)
		if other == nil {
			return nil, fmt.Errorf("add server %s: same site as %s: %w", name, options.SameSite, ErrNoSuchServer)
		}
		shared = other.site
	}
	s, err := startServer(name, options, shared, l.options.Seed, l.log)
	if err != nil {
		return nil, fmt.Errorf("add server %s: %w", name, err)
	}
	s.path.setNetwork(!l.down)
	l.servers = append(l.servers, s)
	return s, nil
}

// Servers lists the servers in the order in which they were added.
func (l *Lab) Servers() []*Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Server(nil), l.servers...)
}

// Server finds a server by its name; nil where there is none.
func (l *Lab) Server(name tunnel.Name) *Server {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.findLocked(name)
}

func (l *Lab) findLocked(name tunnel.Name) *Server {
	for _, s := range l.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

// SetNetwork takes the whole network away, or gives it back. Without it every
// path refuses what is sent, and forgets who had spoken. OnNetwork is told when
// the paths have changed; it is not told of a state that was already so.
func (l *Lab) SetNetwork(up bool) {
	l.network.Lock()
	defer l.network.Unlock()
	l.mu.Lock()
	if l.closed || l.down == !up {
		l.mu.Unlock()
		return
	}
	l.down = !up
	servers := append([]*Server(nil), l.servers...)
	for _, s := range servers {
		s.path.setNetwork(up)
	}
	l.mu.Unlock()
	if l.options.OnNetwork != nil {
		l.options.OnNetwork(up)
	}
}

// NetworkUp says whether the network is there.
func (l *Lab) NetworkUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.down
}

// Heal ends every fault of every server and gives the network back.
func (l *Lab) Heal() error {
	var errs []error
	for _, s := range l.Servers() {
		errs = append(errs, s.Heal())
	}
	l.SetNetwork(true)
	return errors.Join(errs...)
}

// Close ends every server and path, and returns when their goroutines have
// ended. A second call does nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	servers := l.servers
	l.mu.Unlock()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
