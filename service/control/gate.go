package control

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// refusalWait bounds the writing of a refusal; what has not been taken by then
// is dropped.
const refusalWait = 50 * time.Millisecond

// gate counts who is inside, and lets nobody take more than their share.
type gate struct {
	opt  Options
	self string // the person the service runs as, who counts as an administrator

	mu    sync.Mutex
	total int            // of those who are no administrators
	inner map[string]int // by person
}

func newGate(o Options, self string) *gate {
	return &gate{opt: o, self: self, inner: map[string]int{}}
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
	full := g.inner[who] >= g.opt.PerUser || g.total >= g.opt.Total
	if admin {
		full = g.inner[who] >= g.opt.Admin
	}
	if !full {
		g.inner[who]++
		if !admin {
			g.total++
		}
	}
	g.mu.Unlock()
	if full {
		g.opt.Log.Warn("too many connections", "user", who)
		_ = c.SetWriteDeadline(time.Now().Add(refusalWait))
		_, _ = c.Write(g.opt.Refusal)
		_ = c.Close()
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
