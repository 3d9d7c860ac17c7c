package sim

import "time"

// Class is a kind of world: what is wrong with it, or that nothing is.
type Class struct {
	Name string
	// Healthy says that nothing is ever wrong.
	Healthy bool
	// Long is how long a world of it lasts, after a moment for every contender to
	// connect.
	Long time.Duration
	// Worlds is how many there are, where a fault is made; of healthy ones there
	// is one.
	Worlds int
	// Whole says that nothing can help while the fault lasts: the outage is
	// counted from its end.
	Whole bool
	// Traffic is what flows, taken in turn.
	Traffic []Traffic
	// Make makes the world so, before it begins; of one with a fault it also lays
	// down when that begins and ends.
	Make func(w *World)
}

// warm is how long every contender has to connect, and to learn the path.
const warm = 2 * time.Minute

// faultLasts is how long a fault lasts if it is left alone.
const faultLasts = 10 * time.Minute

// busy are the kinds of traffic that want something at every moment.
var busy = []Traffic{Pings, Download, Upload, OneWayUp, Call}

// faultAt is when the fault of a world begins: at any phase of any poll.
func (w *World) faultAt() time.Duration {
	return warm + time.Duration(w.fate.Int64N(int64(3*time.Minute)))
}

// primary lays down a fault of the first member, and its end.
func primary(do, undo func(s *server)) func(w *World) {
	return func(w *World) {
		at := w.faultAt()
		w.at(at, func() { w.fault(func() { do(w.servers[0]) }) })
		w.at(at+faultLasts, func() { w.cure(func() { undo(w.servers[0]) }) })
	}
}

func dead(s *server)    { s.path.DeadUp, s.path.DeadDown = true, true }
func passing(s *server) { s.path.DeadUp, s.path.DeadDown = false, false }

// lossy loses a share of the datagrams of every path, in each direction.
func lossy(share float64) func(w *World) {
	return func(w *World) {
		for _, s := range w.servers {
			s.path.LossUp, s.path.LossDown = share, share
		}
	}
}

// slow gives every path a round trip.
func slow(rtt time.Duration) func(w *World) {
	return func(w *World) {
		for _, s := range w.servers {
			s.path.Latency, s.path.Jitter = rtt/2, rtt/20
		}
	}
}

func keepalive(d time.Duration) func(w *World) { return func(w *World) { w.keep = d } }

func both(a, b func(w *World)) func(w *World) {
	return func(w *World) {
		a(w)
		b(w)
	}
}

func nothingWrong(*World) {}

// below lays down a fault of the network below.
func below(b Below, long time.Duration) func(w *World) {
	return func(w *World) {
		at := w.faultAt()
		w.at(at, func() { w.fault(func() { w.plug(b) }) })
		w.at(at+long, func() { w.cure(func() { w.plug(Sound) }) })
	}
}

// Healthy are the worlds in which nothing is wrong: whatever a contender says
// or does in them is false.
func Healthy(long time.Duration) []Class {
	h := func(name string, t Traffic, make func(w *World)) Class {
		return Class{Name: name, Healthy: true, Long: long, Worlds: 1, Traffic: []Traffic{t}, Make: make}
	}
	return []Class{
		h("idle, keepalive 0", Idle, nothingWrong),
		h("idle, keepalive 5 s", Idle, keepalive(5*time.Second)),
		h("idle, keepalive 9 s", Idle, keepalive(9*time.Second)),
		h("idle, keepalive 25 s", Idle, keepalive(25*time.Second)),
		h("pings", Pings, nothingWrong),
		h("one-way up", OneWayUp, nothingWrong),
		h("one-way down", OneWayDn, nothingWrong),
		h("call", Call, nothingWrong),
		h("TCP download", Download, nothingWrong),
		h("TCP upload", Upload, nothingWrong),
		h("DNS trickle", Trickle, nothingWrong),
		h("wakes now and then", Wakes, nothingWrong),
		h("20 % loss each way, pings", Pings, lossy(0.2)),
		h("20 % loss each way, one-way up", OneWayUp, lossy(0.2)),
		h("20 % loss each way, TCP download", Download, lossy(0.2)),
		h("20 % loss each way, DNS trickle", Trickle, lossy(0.2)),
		h("600 ms round trip, pings", Pings, slow(600*time.Millisecond)),
		h("600 ms round trip, one-way up", OneWayUp, slow(600*time.Millisecond)),
		h("600 ms round trip, 10 % loss, DNS trickle", Trickle, both(slow(600*time.Millisecond), lossy(0.1))),
		h("1.6 s round trip, pings", Pings, slow(1600*time.Millisecond)),
		h("server under load, pings", Pings, func(w *World) { w.servers[0].loaded = true }),
		h("saturated 2 Mbit/s, bufferbloat", Saturated, nothingWrong),
		h("gaps of the link, 0.2 to 3 s", Pings, func(w *World) {
			w.gaps.Gaps = Gaps{Every: 5 * time.Minute, Least: 200 * time.Millisecond, Most: 3 * time.Second}
		}),
		h("gaps of the path, 0.2 to 2 s", Pings, func(w *World) {
			w.servers[0].path.Gaps = Gaps{Every: 5 * time.Minute, Least: 200 * time.Millisecond, Most: 2 * time.Second}
		}),
		h("gaps of the path, 0.2 to 2 s, one-way up", OneWayUp, func(w *World) {
			w.servers[0].path.Gaps = Gaps{Every: 5 * time.Minute, Least: 200 * time.Millisecond, Most: 2 * time.Second}
		}),
	}
}

// Faults are the worlds in which something goes wrong, and right again.
func Faults(worlds int) []Class {
	f := func(name string, long time.Duration, t []Traffic, make func(w *World)) Class {
		return Class{Name: name, Long: long, Worlds: worlds, Traffic: t, Make: make}
	}
	const usual = warm + 3*time.Minute + faultLasts + 5*time.Minute
	kill := primary(func(s *server) { s.alive = false }, func(s *server) { s.alive = true; s.restart() })
	return []Class{
		f("black hole", usual, busy, primary(dead, passing)),
		f("black hole, no responder inside", usual, busy, both(func(w *World) { w.learns = false }, primary(dead, passing))),
		f("black hole, 10 % loss each way", usual, busy, both(lossy(0.1), primary(dead, passing))),
		f("black hole, 20 % loss each way", usual, busy, both(lossy(0.2), primary(dead, passing))),
		f("black hole, 600 ms round trip", usual, busy, both(slow(600*time.Millisecond), primary(dead, passing))),
		f("black hole, one-way down", usual, []Traffic{OneWayDn}, primary(dead, passing)),
		f("black hole, DNS trickle", usual, []Traffic{Trickle}, primary(dead, passing)),
		f("black hole, wakes now and then", 2*time.Hour, []Traffic{Wakes}, func(w *World) {
			at := w.faultAt()
			w.at(at, func() { w.fault(func() { dead(w.servers[0]) }) })
			w.at(at+time.Hour, func() { w.cure(func() { passing(w.servers[0]) }) })
		}),
		f("server killed", usual, busy, kill),
		f("key removed", usual, busy, primary(func(s *server) { s.knows = false }, func(s *server) { s.knows = true; s.restart() })),
		f("sessions forgotten", usual, busy, primary((*server).restart, func(*server) {})),
		f("forwards nothing", usual, busy, primary(func(s *server) { s.forwards = false }, func(s *server) { s.forwards = true })),
		f("forwards nothing, pings", usual, []Traffic{Pings}, primary(func(s *server) { s.forwards = false }, func(s *server) { s.forwards = true })),
		f("exit off", usual, busy, primary(func(s *server) { s.exit = false }, func(s *server) { s.exit = true })),
		f("upload dead", usual, []Traffic{Pings, Download, Upload, Call}, primary(func(s *server) { s.path.DeadUp = true }, passing)),
		f("download dead", usual, busy, primary(func(s *server) { s.path.DeadDown = true }, passing)),
		f("endpoint moved", usual, busy, primary(func(s *server) { s.addr++ }, func(*server) {})),
		f("port blocked", usual, busy, func(w *World) {
			at := w.faultAt()
			w.at(at, func() { w.fault(func() { w.servers[0].port = w.portOf() }) })
			w.at(at+faultLasts, func() { w.cure(func() { w.servers[0].port = 0 }) })
		}),
		f("large packets lost", usual, []Traffic{Mixed}, primary(func(s *server) { s.path.MTU = 1280 }, func(s *server) { s.path.MTU = 0 })),
		whole(f("no network, 10 min", usual, busy, below(Unplugged, faultLasts))),
		whole(f("sign-in page, 10 min", usual, busy, below(Portal, faultLasts))),
		whole(f("no internet, 10 min", usual, busy, below(NoWay, faultLasts))),
		f("sleep, 8 h", 9*time.Hour, busy, func(w *World) {
			at := w.faultAt()
			w.at(at, func() {
				w.Tally.begunAt = w.now
				w.sleep(8 * time.Hour)
			})
			w.at(at+8*time.Hour+5*time.Minute, func() { w.cure(func() {}) })
		}),
		f("clock back 1 h", usual+time.Hour, busy, func(w *World) {
			at := w.faultAt()
			w.at(at, func() { w.fault(func() { w.clock -= time.Hour }) })
			w.at(at+time.Hour, func() { w.cure(func() {}) })
		}),
		whole(f("all members down, 2 h", usual+2*time.Hour, busy, AllDown(2*time.Hour))),
	}
}

// AllDown has every member die for so long, after which the first comes back.
func AllDown(long time.Duration) func(w *World) {
	return func(w *World) {
		at := w.faultAt()
		w.at(at, func() { w.fault(func() { w.all(dead) }) })
		w.at(at+long, func() { w.cure(func() { passing(w.servers[0]) }) })
	}
}

func whole(c Class) Class {
	c.Whole = true
	return c
}

func (w *World) all(do func(s *server)) {
	for _, s := range w.servers {
		do(s)
	}
}

// portOf is the port of the active device; 0: there is none.
func (w *World) portOf() int {
	if w.active == nil {
		return 0
	}
	return w.active.port
}

// world makes the n-th world of a class and runs a contender in it.
func (c Class) world(seed uint64, n int, with Contender) Tally {
	w := newWorld(seed + uint64(n)*1_000_003)
	w.use(c.Traffic[n%len(c.Traffic)])
	c.Make(w)
	w.begin(with)
	w.run(warm)
	w.open()
	w.run(warm + c.Long)
	w.end()
	return w.Tally
}
