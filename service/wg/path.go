package wg

import (
	"time"

	"holdfast/service/tunnel"
)

// Ask asks a device for a round trip and returns at once: one handshake
// question beside its session, and a round of echoes to the responders it has
// learned. The session is not touched, but one that the server began is followed
// by one of the device's own. The answers are told by Counters.
//
// Within the time in which a handshake of the device itself may still be
// confirmed, and within 40 ms of another, the handshake question is left out
// and not counted; nor is it asked before the session has been confirmed, or
// given a second to be. ErrNoDevice.
func (d *Devices) Ask(name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	m.askBeside()
	m.port.echo()
	return nil
}

// askBeside asks the server where the device sends to. What the system refuses
// to send is told by the counters.
func (m *member) askBeside() {
	if m.peer == nil {
		return
	}
	if m.tap.unconfirmed() {
		m.peer.SendKeepalive()
		return
	}
	p, _, err := m.readPeer()
	if err != nil || !p.endpoint.IsValid() {
		return
	}
	to, err := m.tap.ParseEndpoint(p.endpoint.String())
	if err != nil {
		return
	}
	_, _ = m.tap.beside.ask(to, nil)
}

// askAs makes the keys of cfg those of the questions beside the session. The
// peer that is asked must be there.
func (m *member) askAs(cfg *tunnel.Config) {
	self, err := newInitiator(cfg.Interface.PrivateKey, &cfg.Peers[asked(cfg)])
	if err != nil {
		// A key with which no handshake is possible: nothing is asked.
		self = nil
	}
	m.tap.beside.self.Store(self)
}

// pathSeen joins what both sides of the device have seen of its path.
// completedAt is when the last handshake was completed, since began; 0: never.
func (m *member) pathSeen(completedAt int64) tunnel.Path {
	if rtt := m.tap.takeRoundTrip(completedAt); rtt > 0 {
		m.path.answered(rtt)
	}
	m.path.roundTrip(completedAt)
	p := tunnel.Path{
		Askable:         m.tap.beside.self.Load() != nil,
		Cookies:         m.tap.cookies.Load(),
		PeerInitiations: m.tap.peerInitiations.Load(),
		Refused:         m.tap.refused.Load(),
	}
	m.port.fillPath(&p)
	p.Asked, p.BadResponses = m.tap.beside.questions()
	seen, at := m.path.view()
	p.RoundTripAt = moment(at)
	p.RTT, p.RTTVar = seen.RTT()
	p.Loss, p.LossOf = seen.Loss()
	return p
}

// takeRoundTrip returns, once for each, how long the response to the device's
// last initiation took, when a handshake was completed by it. 0: there is none.
func (t *tap) takeRoundTrip(completedAt int64) time.Duration {
	answered := t.matchedAt.Load()
	if answered == 0 || completedAt < answered || t.measuredAt.Swap(answered) == answered {
		return 0
	}
	return time.Duration(t.matched.Load())
}
