package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"holdfast/service/diagnose"
)

// knocking is what is sent. Its first byte is 0, which no message of WireGuard
// has, so that no server takes it for one or counts it.
var knocking = []byte{0, 0, 0, 0}

// Knock sends the endpoint datagrams that are no WireGuard, outside the
// tunnel, and waits for a refusal, and asks its host for an echo beside that.
// It returns within 1.5 s, and at once after a refusal. Checked is false when
// ctx was cancelled, or there was no time to ask, before anything came back.
//
// Where the system tells who refused, only the endpoint's own address counts:
// a firewall on the way that refuses in its place is named in RefusedBy.
func (o *Outside) Knock(ctx context.Context, to netip.AddrPort) diagnose.Knock {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, tries*tryEvery)
	defer cancel()
	start := time.Now()
	out := diagnose.Knock{Checked: true}
	var all sync.WaitGroup
	var echoed bool
	o.begin(ctx, &all, func() {
		_, err := o.echo(ctx, to.Addr())
		echoed = err == nil
	})
	var r refusal
	asked := o.begin(ctx, &all, func() {
		r = o.refusal(ctx, to)
		if r.refused || r.heard {
			cancel()
		}
	})
	all.Wait()
	if !r.refused && !r.heard && !echoed && (isCancelled(caller) || !asked) {
		return diagnose.Knock{}
	}
	out.Refused, out.RefusedBy, out.Err = r.refused, r.by, words(r.err)
	out.HostUp = r.refused || r.heard || echoed
	out.Took = time.Since(start)
	return out
}

// refusal is what came of sending.
type refusal struct {
	refused bool
	heard   bool       // something else came back from the port itself
	by      netip.Addr // who refused in the endpoint's place
	err     error      // why the system did not send
}

// refuser is who answered in place of a server. Its zero value: nobody.
type refuser struct {
	addr netip.Addr
	// forbids says that it does not want the packet, not that the way ends there.
	forbids bool
}

// refusal sends up to three times, until something comes back.
func (o *Outside) refusal(ctx context.Context, to netip.AddrPort) refusal {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	c, release, err := o.dial(ctx, "udp", to)
	if err != nil {
		if isEnded(err) {
			err = nil
		}
		return refusal{err: err}
	}
	defer release()
	whose := watchRefusals(c, to.Addr())
	var r refusal
	for range tries {
		_, err := c.Write(knocking)
		sent := err == nil
		if sent {
			_ = c.SetReadDeadline(time.Now().Add(tryEvery))
			_, err = c.Read(make([]byte, 1))
		}
		switch {
		case err == nil:
			r.heard = true
			return r
		case isEnded(err):
			return r
		case isTimeout(err):
			continue
		}
		switch by := whose(err); {
		case by.addr == to.Addr() && by.forbids:
			return refusal{refused: true}
		case by.forbids && !ownAddrs()[by.addr]:
			r.by = by.addr
		case by.addr.IsValid() && !by.forbids, isUnresolved(err):
			// The way ends somewhere: nobody refuses.
		case !sent:
			// What the firewall of this machine refuses it may also answer, so
			// nothing that comes after this is the endpoint's.
			return refusal{err: err}
		default:
			r.err = err
		}
		wait(ctx, tryEvery)
	}
	return r
}

// wait waits, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// isEnded says that the question was ended by us.
func isEnded(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed)
}
