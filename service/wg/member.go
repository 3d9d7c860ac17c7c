package wg

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// standbyKeepalive keeps the session of a warm standby alive where its config
// has no keepalive of its own: with something to send, wireguard-go renews the
// session every two minutes.
const standbyKeepalive = 25

// member is one running device with its port and its tap. Its fields do not
// change, but for those that Devices.mu protects.
type member struct {
	dev  *device.Device
	tap  *tap
	tied *tied // nil: a mark leads what it sends, or nothing does
	port *port
	site tunnel.Site
	// key is the hex form of the public key of peer; members of a site share it.
	key string
	// peer is the one that is asked: the first with an endpoint; nil: there is none.
	peer *device.Peer
	// macs are the cookies of the initiations built here; the peer keeps its own.
	macs    device.CookieGenerator
	asking  chan struct{} // cap 1: the right to ask
	seeking chan struct{} // cap 1: the right to look for the server
	done    chan struct{} // closed when the device is stopped
	rtt     atomic.Int64  // of the last answered ask; 0: none
	// insisting says that a lost initiation is being repeated.
	insisting atomic.Bool
	completed completion
	path      *estimate // of both sides

	// Protected by Devices.mu:
	name  tunnel.Name
	cfg   *tunnel.Config
	start StartOptions
}

// asked returns the index of the peer that stands for the tunnel: the first
// one with an endpoint. -1: none.
func asked(cfg *tunnel.Config) int {
	for i := range cfg.Peers {
		if !cfg.Peers[i].Endpoint.IsZero() {
			return i
		}
	}
	return -1
}

// keepalive is the interval of a peer, in seconds, while its device is active or
// a standby. A standby that need not stay warm stays silent.
func (o StartOptions) keepalive(active bool) func(*tunnel.Peer) uint16 {
	return func(p *tunnel.Peer) uint16 {
		k := p.Keepalive
		if o.Keepalive >= 0 {
			k = uint16(min(o.Keepalive, 65535))
		}
		switch {
		case active:
			return k
		case !o.Warm:
			return 0
		case k == 0:
			return standbyKeepalive
		}
		return k
	}
}

// newMember builds a device on a port of sw, opens its socket and brings it up.
func (d *Devices) newMember(sw *tunSwitch, name tunnel.Name, cfg *tunnel.Config, o StartOptions, endpoints []netip.AddrPort) (*member, error) {
	m := &member{
		name:    name,
		cfg:     cfg,
		start:   o,
		port:    sw.addPort(),
		site:    cfg.Site(),
		asking:  make(chan struct{}, 1),
		seeking: make(chan struct{}, 1),
		done:    make(chan struct{}),
		path:    &estimate{},
	}
	var bind conn.Bind
	inner := d.opts.NewBind()
	m.tied, _ = inner.(*tied)
	m.tap, bind = newTap(inner, d.activity)
	m.tap.may = d.opts.Initiate
	m.tap.permits = newPermits(d.opts.Permit, len(cfg.Peers))
	m.tap.beside.path = m.path
	m.port.est, m.tap.marks, m.port.sessionAt = m.path, &m.port.marks, m.tap.sessionAt
	m.port.learned.Store(d.learnedLocked(name, cfg))
	again := m.again
	m.tap.again.Store(&again)
	m.dev = device.NewDevice(m.port, bind, deviceLog(d.log, name))
	// The configured endpoint is the only one: a peer that was seen at another
	// address (at home, behind the same router) is not there any more when the
	// machine has moved.
	m.dev.DisableSomeRoamingForBrokenMobileSemantics()
	if err := d.bringUp(m, endpoints); err != nil {
		m.close()
		return nil, err
	}
	if i := asked(cfg); i >= 0 && endpoints[i].IsValid() {
		key := device.NoisePublicKey(cfg.Peers[i].PublicKey)
		m.peer = m.dev.LookupPeer(key)
		m.macs.Init(key)
		m.key = cfg.Peers[i].PublicKey.Hex()
		m.askAs(cfg)
	}
	return m, nil
}

func (d *Devices) bringUp(m *member, endpoints []netip.AddrPort) error {
	if err := configure(m.dev, m.cfg, endpoints, d.opts.Mark, m.start.keepalive(false)); err != nil {
		return err
	}
	err := m.dev.Up()
	if isPortTaken(err) && d.portTakenLocked(m.cfg.Interface.ListenPort) {
		// Members often share one fixed port. The active member has it; a
		// standby does without.
		d.log.Info("listen port is taken by another member; using any", "tunnel", string(m.name))
		var s settings
		s.set("listen_port", "0")
		if err := s.apply(m.dev); err != nil {
			return fmt.Errorf("open socket: %w", reason(err))
		}
		err = m.dev.Up()
	}
	if err != nil {
		return fmt.Errorf("open socket: %w", reason(err))
	}
	return nil
}

// portTakenLocked says that one of our devices has the port. d.mu is held.
func (d *Devices) portTakenLocked(port uint16) bool {
	for _, m := range d.members {
		if r, err := read(m.dev); err == nil && r.port == port {
			return true
		}
	}
	return false
}

// tidy gives back what was permitted beyond the endpoints of the device: where
// it has moved away from, and where it only asked. It follows everything that
// asks elsewhere.
func (m *member) tidy() {
	r, err := read(m.dev)
	if err != nil {
		return // it is being closed, which gives everything back
	}
	var at []netip.AddrPort
	for _, p := range r.peers {
		at = append(at, p.endpoint)
	}
	m.tap.permits.keep(at, len(r.peers))
}

// close ends the device and its port, and whatever waits for it.
func (m *member) close() {
	close(m.done)
	m.dev.Close()
	// A closed device that still leads to its peer is never collected: the peer's
	// queues have finalizers that lead back.
	m.tap.again.Store(nil)
	m.tap.beside.close()
}

// lastHandshake is the authenticated moment of the last handshake with the
// peer that is asked. Zero: none.
func (m *member) lastHandshake() (time.Time, error) {
	p, _, err := m.readPeer()
	return p.handshake, err
}

// readPeer reads what the device says of the peer that is asked.
func (m *member) readPeer() (peerReading, reading, error) {
	r, err := read(m.dev)
	if err != nil {
		return peerReading{}, r, err
	}
	for _, p := range r.peers {
		if p.key == m.key {
			return p, r, nil
		}
	}
	return peerReading{}, r, nil
}

// counters sums what the device, its port and its tap have counted.
func (m *member) counters() (tunnel.Counters, error) {
	r, err := read(m.dev)
	if err != nil {
		return tunnel.Counters{}, err
	}
	c := tunnel.Counters{
		DataSent:        m.tap.dataSent.load(),
		DataReceived:    m.port.delivered.Load(),
		Initiations:     m.tap.initiations.load(),
		Withheld:        m.tap.withheld.Load(),
		SendErrors:      m.tap.sendErrors.Load(),
		UnansweredSince: moment(m.tap.unansweredAt.Load()),
		LastReceived:    moment(m.port.deliveredAt.Load()),
	}
	for _, p := range r.peers {
		c.RxBytes += p.rx
		c.TxBytes += p.tx
		if p.handshake.After(c.LastHandshake) {
			c.LastHandshake = p.handshake
		}
	}
	completedAt := m.completed.take(c.LastHandshake, time.Now(), sinceBegan())
	if at := m.tap.initiatingAt.Load(); at != 0 {
		// A handshake that the server began completes without a response to
		// ours, and ends ours all the same.
		if completedAt > at {
			m.tap.initiatingAt.CompareAndSwap(at, 0)
		} else {
			c.InitiatingSince = moment(at)
		}
	}
	c.Path = m.pathSeen(completedAt)
	return c, nil
}
