package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"holdfast/service/diagnose"
)

// behindWithin bounds the search for what answers inside the tunnel.
const behindWithin = 3 * time.Second

// beyond is what an examination at a person's request found inside the tunnel.
type beyond struct {
	near, behind diagnose.Echo
	mtu, widest  int
}

// tell puts it beside what the counters say.
func (b beyond) tell(in *diagnose.Inside) {
	in.Near, in.Beyond, in.Widest, in.MTU = b.near, b.behind, b.widest, b.mtu
}

// behind asks what is known to answer inside the active tunnel, and which
// sizes of packets pass.
func (x *examination) behind(ctx context.Context) (b beyond) {
	cfg := x.runs(x.Active)
	if cfg == nil {
		return b
	}
	ctx, cancel := context.WithTimeout(ctx, behindWithin)
	defer cancel()
	x.mu.Lock()
	b.mtu = x.wantedMTULocked(cfg)
	x.mu.Unlock()
	var sized sync.WaitGroup
	sized.Go(func() {
		if widest, err := x.devices.Widest(ctx, x.Active, sizesUpTo(b.mtu)); err == nil {
			b.widest = widest
		}
	})
	known := x.devices.Responders(x.Active)
	b.behind.Known = len(known)
	// One that was lost is asked once more: the server alone answers sooner.
	for range 2 {
		from, _, err := x.devices.Reach(ctx, x.Active, nil)
		b.behind.Asked = len(known) > 0
		b.behind.Answered = err == nil && slices.Contains(known, from)
		if err == nil && !b.behind.Answered {
			b.near = diagnose.Echo{Known: 1, Asked: true, Answered: true}
		}
		if err != nil || b.behind.Answered {
			break
		}
	}
	sized.Wait()
	return b
}
