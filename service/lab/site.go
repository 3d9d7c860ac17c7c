package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// defaultMTU is the inner MTU where nothing else is said.
const defaultMTU = 1420

// site is a WireGuard server: its keys, its socket, what lies inside, and the
// device that joins them, which a restart replaces.
type site struct {
	options ServerOptions
	key     tunnel.PrivateKey
	psk     tunnel.PresharedKey // zero: none
	log     *slog.Logger
	bind    *bind
	inside  *inside

	mu     sync.Mutex // protects what follows
	device *device.Device
	broken []Fault
	flood  *flood
	rival  *rival
	closed bool
}

func startSite(name tunnel.Name, o ServerOptions, log *slog.Logger) (*site, error) {
	s := &site{options: o, key: newKey(), log: log}
	if o.ClientKey.IsZero() {
		s.options.ClientKey = newKey()
	}
	if o.Preshared {
		s.psk = newPSK()
	}
	mtu := o.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	var err error
	if s.bind, err = listenBind(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	if s.inside, err = newInside(string(name), o.Inner, mtu); err != nil {
		return nil, errors.Join(err, s.bind.socket.Close())
	}
	if err := s.upLocked(); err != nil {
		s.inside.close()
		return nil, errors.Join(err, s.bind.socket.Close())
	}
	return s, nil
}

// upLocked makes a device and configures it as the faults have it.
func (s *site) upLocked() error {
	s.device = device.NewDevice(s.inside.attach(), s.bind, deviceLog(s.log))
	err := s.device.IpcSet("private_key=" + s.key.RevealHex() + "\n" + s.peerLocked())
	if err == nil {
		err = s.device.Up()
	}
	if err != nil {
		s.device.Close()
		return fmt.Errorf("start server: %w", err)
	}
	return nil
}

// peerLocked is what the device is told about its client.
func (s *site) peerLocked() string {
	psk := s.psk
	switch {
	case slices.Contains(s.broken, Revoked):
		return ""
	case slices.Contains(s.broken, WrongPSK):
		psk = newPSK()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "public_key=%s\npreshared_key=%s\n", s.options.ClientKey.Public().Hex(), psk.RevealHex())
	for _, p := range s.options.Client {
		fmt.Fprintf(&b, "allowed_ip=%s\n", p)
	}
	return b.String()
}

// set switches a fault of the site on or off.
func (s *site) set(f Fault, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || siteFaults[f] == nil || slices.Contains(s.broken, f) == on {
		return nil
	}
	if on {
		s.broken = append(s.broken, f)
	} else {
		s.broken = slices.DeleteFunc(s.broken, func(b Fault) bool { return b == f })
	}
	return siteFaults[f](s, on)
}

// siteFaults switch the faults of a site, all but Restart, which does not last.
// They are called with the site's lock held and its list of faults up to date.
var siteFaults = map[Fault]func(s *site, on bool) error{
	Revoked:       (*site).replacePeerLocked,
	WrongPSK:      (*site).replacePeerLocked,
	ForwardingOff: func(s *site, on bool) error { s.inside.deaf.Store(on); return nil },
	ExitOff:       func(s *site, on bool) error { s.inside.exitless.Store(on); return nil },
	Overload:      (*site).overloadLocked,
	KeyShared:     (*site).shareKeyLocked,
}

// replacePeerLocked takes the peer away, and with it its session, and lets it
// come back as it is now.
func (s *site) replacePeerLocked(bool) error {
	return s.device.IpcSet("replace_peers=true\n" + s.peerLocked())
}

func (s *site) overloadLocked(on bool) error {
	if on {
		s.flood = startFlood(s.device, s.bind.forged, s.key.Public())
	} else {
		s.flood.stop()
	}
	return nil
}

func (s *site) shareKeyLocked(on bool) error {
	if !on {
		s.rival.stop()
		return nil
	}
	var err error
	if s.rival, err = startRival(s); err != nil {
		s.broken = slices.DeleteFunc(s.broken, func(b Fault) bool { return b == KeyShared })
	}
	return err
}

func (s *site) faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.broken)
}

// restart replaces the device: sessions are lost, what lies inside is not.
func (s *site) restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	flooded := slices.Contains(s.broken, Overload)
	if flooded {
		s.flood.stop()
	}
	s.device.Close()
	err := s.upLocked()
	if flooded {
		s.flood = startFlood(s.device, s.bind.forged, s.key.Public())
	}
	return err
}

func (s *site) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if slices.Contains(s.broken, Overload) {
		s.flood.stop()
	}
	if slices.Contains(s.broken, KeyShared) {
		s.rival.stop()
	}
	s.device.Close()
	s.inside.close()
	return s.bind.socket.Close()
}

func newKey() tunnel.PrivateKey {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return tunnel.NewPrivateKey(b)
}

func newPSK() tunnel.PresharedKey {
	k, err := tunnel.ParsePresharedKey(newKey().Reveal())
	if err != nil {
		panic("a new key is always a key: " + err.Error())
	}
	return k
}

// deviceLog passes on what wireguard-go calls errors. What it says at the finer
// level is one line per packet.
func deviceLog(log *slog.Logger) *device.Logger {
	return &device.Logger{
		Verbosef: device.DiscardLogf,
		Errorf:   func(format string, args ...any) { log.Warn("server device", "err", fmt.Sprintf(format, args...)) },
	}
}
