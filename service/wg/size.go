package wg

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"holdfast/service/tunnel"
)

const (
	// sizeTries is how many echoes of each size are sent.
	sizeTries = 3
	// sizeGap is the time between them, unless the round trip is longer, which
	// counts up to maxSizeGap.
	sizeGap    = 400 * time.Millisecond
	maxSizeGap = 2 * time.Second
)

// Widest finds out which packets pass the tunnel: it echoes an inner packet of
// each of sizes (bytes, as the MTU counts them), three times, and returns the
// largest size whose answer, which is as large, came back. 0: none did. Sizes
// above the MTU of the interface are left out. It takes a round trip when the
// largest passes, and up to three times sizeGap or the round trip when not.
//
// Errors: ErrNoResponder, ErrStopped, ErrNoDevice, and that of ctx when it ends.
func (d *Devices) Widest(ctx context.Context, name tunnel.Name, sizes []int) (int, error) {
	m, err := d.member(name)
	if err != nil {
		return 0, err
	}
	to := m.port.known().bestOf(true, false, 1)
	if len(to) == 0 {
		to = m.port.known().bestOf(false, false, 1)
	}
	mtu, err := m.port.MTU()
	if len(to) == 0 || err != nil {
		return 0, ErrNoResponder
	}
	sizes = slices.DeleteFunc(slices.Clone(sizes), func(size int) bool { return size > mtu })
	slices.SortFunc(sizes, func(a, b int) int { return b - a })
	if sizes = slices.Compact(sizes); len(sizes) == 0 {
		return 0, nil
	}
	return m.widest(ctx, to[0], sizes)
}

// echoOf sends an echo of size bytes for a call.
func (p *port) echoOf(to netip.Addr, size int, call uint32) {
	if in := p.known().inside.Load(); in != nil && in.reaches(to) {
		p.inject(p.echoes.build(in.source(to), to, size, stamp{number: call, purpose: ofCall, at: sinceBegan()}))
	}
}

// widest tries sizes, which are sorted, the largest first.
func (m *member) widest(ctx context.Context, to netip.Addr, sizes []int) (int, error) {
	answers := make(chan arrival, sizeTries*len(sizes))
	call := m.port.echoes.call(answers)
	defer m.port.echoes.hangUp(call)
	again := time.NewTimer(0)
	defer again.Stop()
	widest := 0
	for tries := 0; ; {
		select {
		case <-again.C:
			if tries++; tries > sizeTries {
				return widest, nil
			}
			for _, size := range sizes {
				if size > widest {
					m.port.echoOf(to, size, call)
				}
			}
			again.Reset(min(maxSizeGap, m.answerTime(sizeGap)))
		case got := <-answers:
			if slices.Contains(sizes, got.size) {
				widest = max(widest, got.size)
			}
			if widest == sizes[0] {
				return widest, nil
			}
		case <-m.done:
			return 0, ErrStopped
		case <-ctx.Done():
			return widest, ctx.Err()
		}
	}
}
