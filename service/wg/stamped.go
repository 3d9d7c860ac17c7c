package wg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/tunnel"
)

// stampedEvery is the time from one question with a date of its own to the next.
const stampedEvery = 400 * time.Millisecond

// AskStamped asks the server of a device beside the session, with questions that
// are dated by stamp in place of the present, until one is answered or ctx ends.
// Each is dated a little later than the one before, since a server takes no date
// twice. The session is left as it is.
//
// It tells whether the clock is why a server is silent; a date that is ahead
// of all that the server has seen makes it refuse whatever is dated earlier from
// then on. Errors: ErrNoDevice, ErrNoEndpoint, ErrStopped, ErrWithheld.
func (d *Devices) AskStamped(ctx context.Context, name tunnel.Name, stamp time.Time) (answered bool, err error) {
	m, err := d.member(name)
	if err != nil {
		return false, err
	}
	if m.peer == nil {
		return false, ErrNoEndpoint
	}
	p, _, err := m.readPeer()
	if err != nil {
		return false, err
	}
	to, err := m.tap.ParseEndpoint(p.endpoint.String())
	if err != nil {
		return false, fmt.Errorf("endpoint of %s: %w", name, err)
	}
	heard := make(chan struct{}, maxBeside)
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-heard:
			return true, nil
		case <-m.done:
			return false, ErrStopped
		case <-ctx.Done():
			return false, nil
		case <-next.C:
		}
		asked, err := m.tap.beside.askDated(to, stamp, func(time.Duration, int64) {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
		switch {
		case errors.Is(err, ErrWithheld):
			return false, err
		case asked:
			stamp = stamp.Add(stampStep)
			next.Reset(max(stampedEvery, 2*m.lastRoundTrip()))
		default:
			next.Reset(besideSpacing) // a handshake of the device is near, or the network does not send
		}
	}
}
