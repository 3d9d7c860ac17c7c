package control

import (
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// refusalWait is how long a caller over a bound may take to ask, so that it
	// takes the refusal for the answer; after it, it is told without.
	refusalWait = 250 * time.Millisecond
	// maxRefused bounds how many are being refused at once; one more is closed
	// without a word.
	maxRefused = 16
	// tellEvery is how often at most the log is told that somebody is over a
	// bound: anybody may connect, and nobody may fill it.
	tellEvery = time.Minute
)

// gate counts who is inside, and lets nobody take more than their share.
type gate struct {
	opt  Options
	self string // the person the service runs as, who counts as an administrator

	refused chan struct{} // a slot for each who is being refused

	mu    sync.Mutex
	total int            // of those who are no administrators
	inner map[string]int // by person
	// toldAt is when the log was told last, untold how often it was not since.
	toldAt time.Time
	untold int
}

func newGate(o Options, self string) *gate {
	return &gate{opt: o, self: self, inner: map[string]int{}, refused: make(chan struct{}, maxRefused)}
}

// person is the key by which connections are counted.
func (p Peer) person() string {
	if p.SID != "" {
		return p.SID
	}
	return strconv.Itoa(p.UID)
}

// enter wraps a connection, or refuses and closes it and returns nil.
func (g *gate) enter(c net.Conn, p Peer) *Conn {
	who := p.person()
	admin := p.UID == 0 || p.token == Admin || who == g.self
	g.mu.Lock()
	full := g.inner[who] >= g.opt.PerUser || g.total >= g.opt.Total ||
		g.total >= g.opt.Total/2 && g.inner[who] >= g.opt.Share
	if admin {
		full = g.inner[who] >= g.opt.Admin
	}
	if !full {
		g.inner[who]++
		if !admin {
			g.total++
		}
	}
	tell, untold := full && g.mayTellLocked(time.Now()), g.untold
	if tell {
		g.untold = 0
	}
	g.mu.Unlock()
	if full {
		if tell {
			g.opt.Log.Warn("too many connections", "user", who, "suppressed", untold)
		}
		select {
		case g.refused <- struct{}{}:
			go g.refuse(c)
		default:
			_ = c.Close()
		}
		return nil
	}
	return &Conn{Conn: c, peer: p, leave: sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.inner[who]--; g.inner[who] == 0 {
			delete(g.inner, who)
		}
		if !admin {
			g.total--
		}
	})}
}

// mayTellLocked says whether the log may be told of one more refusal, and
// counts it where not. gate.mu is held.
func (g *gate) mayTellLocked(now time.Time) bool {
	if !g.toldAt.IsZero() && now.Sub(g.toldAt) < tellEvery {
		g.untold++
		return false
	}
	g.toldAt = now
	return true
}

// refuse hears a caller out, tells them and closes the connection. It ends
// within twice refusalWait.
func (g *gate) refuse(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(refusalWait))
	_, _ = c.Read(make([]byte, 4<<10))
	// The wait for the question must not be taken from that for the answer.
	_ = c.SetDeadline(time.Now().Add(refusalWait))
	_, _ = c.Write(g.opt.Refusal)
	_ = c.Close()
	<-g.refused
}
