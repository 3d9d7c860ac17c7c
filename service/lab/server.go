package lab

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"holdfast/service/tunnel"
)

// ServerOptions say what a server and its path are like. The zero value is an
// ordinary server on a perfect path.
type ServerOptions struct {
	// SameSite names a server of the lab that this one is another endpoint of:
	// the same server key, the same client key, another path. All other options
	// but Path and Keepalive are then taken from there.
	SameSite tunnel.Name
	// Path is what the path does when no fault is on.
	Path Conditions
	// ClientKey is the client's key. Zero: a new one for this server.
	ClientKey tunnel.PrivateKey
	// Client are the client's inner addresses. None: 10.66.0.2/32 and
	// fd66::2/128, the same at every server, so that connections survive a switch.
	Client []netip.Prefix
	// Inner are the server's inner addresses. None: 10.66.0.1 and fd66::1.
	Inner []netip.Addr
	// DNS is what the client's config says under DNS. None: nothing.
	DNS []netip.Addr
	// Preshared gives the pair a preshared key.
	Preshared bool
	// Keepalive is the client's persistent keepalive interval in seconds. 0: off.
	Keepalive uint16
	// MTU is the inner MTU of both sides in bytes. 0: the client's config says
	// nothing, and the server uses 1420.
	MTU int
}

func (o ServerOptions) withDefaults() ServerOptions {
	if len(o.Client) == 0 {
		o.Client = []netip.Prefix{netip.MustParsePrefix("10.66.0.2/32"), netip.MustParsePrefix("fd66::2/128")}
	}
	if len(o.Inner) == 0 {
		o.Inner = []netip.Addr{netip.MustParseAddr("10.66.0.1"), netip.MustParseAddr("fd66::1")}
	}
	return o
}

// Server is one endpoint of the lab: a path and the WireGuard server behind it.
// Its methods may be called from any goroutine.
type Server struct {
	name      tunnel.Name
	keepalive uint16
	site      *site
	path      *Path

	mu     sync.Mutex // orders Break and Heal, and protects broken
	broken []Fault    // of the path
}

func startServer(name tunnel.Name, o ServerOptions, shared *site, seed uint64, log *slog.Logger) (*Server, error) {
	log = log.With("tunnel", string(name))
	s := &Server{name: name, keepalive: o.Keepalive, site: shared}
	var err error
	if shared == nil {
		if s.site, err = startSite(name, o.withDefaults(), log); err != nil {
			return nil, err
		}
	}
	s.path, err = openPath(name, s.site.bind.address(), o.Path, seed, log)
	if err != nil {
		if shared == nil {
			err = errors.Join(err, s.site.close())
		}
		return nil, err
	}
	return s, nil
}

// Name is the server's name in the lab.
func (s *Server) Name() tunnel.Name { return s.name }

// Path is the way to the server.
func (s *Server) Path() *Path { return s.path }

// Endpoint is what clients use as the server's address.
func (s *Server) Endpoint() netip.AddrPort { return s.path.Endpoint() }

// Inner are the server's addresses inside the tunnel.
func (s *Server) Inner() []netip.Addr { return slices.Clone(s.site.options.Inner) }

// ClientConfig is an ordinary full-tunnel config for the one client that the
// server knows.
func (s *Server) ClientConfig() *tunnel.Config {
	o := s.site.options
	return &tunnel.Config{
		Interface: tunnel.Interface{
			PrivateKey: o.ClientKey,
			Addresses:  slices.Clone(o.Client),
			DNS:        slices.Clone(o.DNS),
			MTU:        o.MTU,
		},
		Peers: []tunnel.Peer{{
			PublicKey:    s.site.key.Public(),
			PresharedKey: s.site.psk,
			AllowedIPs:   []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
			Endpoint:     tunnel.Endpoint{Host: s.Endpoint().Addr().String(), Port: s.Endpoint().Port()},
			Keepalive:    s.keepalive,
		}},
	}
}

// Break switches a fault on, or lets a momentary one happen. A fault that is
// already on stays on. An unknown one is ErrNoSuchFault.
func (s *Server) Break(f Fault) error {
	if _, err := ParseFault(string(f)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f == Restart:
		return s.site.restart()
	case f == Rebind:
		s.path.forget()
		return nil
	case f.info().Site:
		return s.site.set(f, true)
	case slices.Contains(s.broken, f):
		return nil
	}
	s.broken = append(s.broken, f)
	return s.path.set(s.broken)
}

// Heal switches these faults off, or all that are on where none is named. The
// faults of a site end for all its servers. What it cannot heal it tells; it
// heals the rest.
func (s *Server) Heal(which ...Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := len(which) == 0
	if all {
		which = append(s.site.faults(), s.broken...)
	}
	var errs []error
	for _, f := range which {
		if _, err := ParseFault(string(f)); err != nil {
			errs = append(errs, err)
		} else if f.info().Site {
			errs = append(errs, s.site.set(f, false))
		}
		s.broken = slices.DeleteFunc(s.broken, func(b Fault) bool { return b == f })
	}
	errs = append(errs, s.path.set(s.broken))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("heal %s: %w", s.name, err)
	}
	return nil
}

// Broken lists the faults that are on, of the path and of the site.
func (s *Server) Broken() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.site.faults(), s.broken...)
}

// InnerDropped counts the inner packets that ForwardingOff and ExitOff have
// dropped at the server.
func (s *Server) InnerDropped() uint64 { return s.site.inside.dropped.Load() }

func (s *Server) close() error {
	s.path.close()
	return s.site.close()
}
