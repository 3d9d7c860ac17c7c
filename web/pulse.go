package web

import (
	"sync"
	"time"

	"holdfast/service/status"
	"holdfast/web/api"
)

// pulseEvery is how often figures are told.
const pulseEvery = time.Second

// pulse reads the figures once a second for everyone who wants them, and not at
// all while nobody does. A slow listener misses figures, never the latest, and
// holds nobody up.
type pulse struct {
	read func() api.Figures // set before it is used

	mu    sync.Mutex
	seats map[chan api.Figures]struct{}
	stop  chan struct{} // ends the beating; nil: nobody listens
}

// listen returns a channel of figures, beginning after pulseEvery, and what
// ends the listening.
func (p *pulse) listen() (<-chan api.Figures, func()) {
	seat := make(chan api.Figures, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop == nil {
		p.seats, p.stop = map[chan api.Figures]struct{}{}, make(chan struct{})
		go p.beat(p.stop)
	}
	p.seats[seat] = struct{}{}
	return seat, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if delete(p.seats, seat); len(p.seats) == 0 {
			close(p.stop)
			p.stop = nil
		}
	}
}

// beat ends when the last listener has left.
func (p *pulse) beat(stop <-chan struct{}) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			p.tell(stop, p.read())
		}
	}
}

// tell gives the figures to those who listen, unless the beating has ended
// meanwhile: another one may have begun.
func (p *pulse) tell(stop <-chan struct{}, f api.Figures) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-stop:
		return
	default:
	}
	for seat := range p.seats {
		select {
		case <-seat:
		default:
		}
		seat <- f
	}
}

// figuresOf takes the figures out of a picture.
func figuresOf(st status.Status) api.Figures {
	f := api.Figures{At: st.At}
	if a := st.Active; a != nil {
		f.Tunnel, f.RxBytes, f.TxBytes, f.RxRate, f.TxRate = a.Tunnel, a.RxBytes, a.TxBytes, a.RxRate, a.TxRate
		f.RTTMs, f.Loss = a.RTTMs, a.Loss
		f.LastHandshake, f.HandshakeAgeMs, f.LastRoundTrip = a.LastHandshake, a.HandshakeAgeMs, a.LastRoundTrip
	}
	return f
}
