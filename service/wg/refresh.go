package wg

import (
	"context"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// Refresh has the live device make a new session, while the present one goes on
// until the new one is there. It returns when an initiation has left: after two
// round trips since the last one, so that no packet under way is lost. One that
// is under way and may still be answered is the one that was asked for. It is
// repeated while it is lost.
//
// ErrNoDevice, ErrNoEndpoint, ErrStopped, or the system's error of sending.
func (d *Devices) Refresh(ctx context.Context, name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	if m.peer == nil {
		return ErrNoEndpoint
	}
	return m.refresh(ctx)
}

func (m *member) refresh(ctx context.Context) error {
	asked, answered := m.tap.initiatedAt.Load(), m.tap.matchedAt.Load()
	rtt := m.lastRoundTrip()
	switch {
	case asked == 0:
	case answered >= asked:
		if err := awaitSpacing(ctx, m.done, answered+int64(rtt+minSpacing)); err != nil {
			return err
		}
	case sinceBegan() < asked+int64(max(firstRetry, 2*rtt)):
		m.insist()
		return nil
	}
	err := m.nudge(ctx)
	m.insist()
	return err
}

// again asks for another session in the place of one that must not be used.
func (m *member) again() {
	ctx, cancel := context.WithTimeout(context.Background(), device.RekeyTimeout)
	defer cancel()
	if m.peer == nil || m.stopped() {
		return
	}
	_ = m.nudge(ctx) // what could not be sent is asked again by the device itself
	m.insist()
}
