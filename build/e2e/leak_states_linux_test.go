package e2e

import (
	"net/netip"
	"syscall"
	"time"

	"holdfast/app/client"
	"holdfast/build/e2e/leak"
	"holdfast/service/tunnel"
)

// state is one in which the service may be while the flood runs. enter finds it
// connected, with the wish for the group on and guard=auto, and leave brings it
// back there.
type state struct {
	name  string
	enter func(l *laboratory)
	// during is what keeps happening in the state. nil: nothing.
	during func(l *laboratory)
	// mend brings the state back after something was done to the system. nil:
	// nothing needs to be.
	mend  func(l *laboratory)
	leave func(l *laboratory)
	// passes says that packets may leave.
	passes bool
	// mute says that not even WireGuard may.
	mute bool
	// dead says that there is no service that could put anything back.
	dead bool
}

// states are all states of the service, in the order in which they are tried.
func states() []state {
	nothing := func(*laboratory) {}
	return []state{
		{name: "connected, without the guard", passes: true,
			enter: func(l *laboratory) { l.s.cli("settings", "set", "guard=off") },
			mend:  (*laboratory).connected,
			leave: func(l *laboratory) { l.s.cli("settings", "set", "guard=auto") }},
		{name: "connected", enter: nothing, mend: (*laboratory).connected, leave: nothing},
		{name: "connected by IPv4 alone",
			// A tunnel that breaks over and over, with no other to go to, waits longer
			// each time.
			mend:  func(l *laboratory) { _, _ = l.s.try("reconnect", "--no-wait"); l.connected() },
			enter: func(l *laboratory) { l.s.importText("four", l.servers[0].conf()); l.s.cli("up", "four"); l.connected() },
			leave: func(l *laboratory) { l.s.cli("up", "g"); l.connected() }},
		{name: "connecting", leave: (*laboratory).backFromSilence, mend: nothing,
			enter: func(l *laboratory) {
				l.s.cli("down")
				l.silence()
				l.s.cli("up", "g", "--no-wait")
				l.guarded()
			}},
		{name: "switching", enter: nothing, during: (*laboratory).switchOver, mend: (*laboratory).connected, leave: (*laboratory).connected},
		{name: "restarting", enter: nothing, mend: (*laboratory).connected, leave: (*laboratory).connected,
			during: func(l *laboratory) {
				_, _ = l.api().Reconnect(l.t.Context())
				l.rest(30 * time.Millisecond)
			}},
		{name: "failing over", during: (*laboratory).failOver, mend: (*laboratory).connected,
			enter: func(l *laboratory) { l.s.cli("settings", "set", "profile=fast") },
			leave: func(l *laboratory) { l.s.cli("settings", "set", "profile=balanced"); l.connected() }},
		{name: "all servers silent", enter: (*laboratory).silence, mend: nothing, leave: (*laboratory).backFromSilence},
		{name: "stopping and starting", mend: nothing,
			enter: func(l *laboratory) { l.s.cli("settings", "set", "guard=always") },
			during: func(l *laboratory) {
				_, _ = l.s.try("down")
				_, _ = l.s.try("up", "g", "--no-wait")
				l.rest(20 * time.Millisecond)
			},
			leave: (*laboratory).backFromAlways},
		{name: "off, guard always", mute: true, mend: nothing,
			enter: func(l *laboratory) { l.s.cli("settings", "set", "guard=always"); l.s.cli("down") },
			leave: (*laboratory).backFromAlways},
		{name: "paused", passes: true, mend: nothing,
			enter: func(l *laboratory) {
				l.s.cli("guard", "pause", "10m")
				l.until("the tunnel to rest", 10*time.Second, func() bool { return !l.hasTunnel() })
			},
			leave: func(l *laboratory) { l.s.cli("guard", "on"); l.connected() }},
		{name: "killed", dead: true, enter: func(l *laboratory) { l.s.kill() }, leave: (*laboratory).runAgain,
			mend: func(l *laboratory) { l.runAgain(); l.s.kill() }},
		{name: "killed while off, guard always", mute: true, dead: true,
			enter: func(l *laboratory) { l.s.cli("settings", "set", "guard=always"); l.s.cli("down"); l.s.kill() },
			mend:  func(l *laboratory) { l.s.run(); l.guarded(); l.s.kill() },
			leave: func(l *laboratory) { l.s.run(); l.backFromAlways() }},
		{name: "ended by SIGTERM", dead: true, enter: func(l *laboratory) { l.s.p.end(syscall.SIGTERM) }, leave: (*laboratory).runAgain,
			mend: func(l *laboratory) { l.runAgain(); l.s.p.end(syscall.SIGTERM) }},
		{name: "upgrading", enter: nothing, mend: (*laboratory).connected, leave: (*laboratory).connected,
			during: func(l *laboratory) { l.s.p.end(syscall.SIGTERM); l.s.run(); l.rest(30 * time.Millisecond) }},
		{name: "crashing over and over", enter: nothing, mend: (*laboratory).connected, leave: (*laboratory).connected,
			during: func(l *laboratory) { l.s.kill(); l.s.run(); l.rest(30 * time.Millisecond) }},
	}
}

// api is the service's socket.
func (l *laboratory) api() *client.Client {
	if l.socket == nil {
		l.socket = client.New(l.s.socket)
		l.t.Cleanup(l.socket.Close)
	}
	return l.socket
}

// guarded waits until the service says that its rules were read back.
func (l *laboratory) guarded() {
	l.t.Helper()
	l.often("the guard", 5*time.Second, func() bool {
		st, err := l.api().Status(l.t.Context())
		return err == nil && st.Guard.Verified
	})
}

// connected waits until the tunnel carries.
func (l *laboratory) connected() {
	l.t.Helper()
	l.flowing(l.pings, 40*time.Second)
}

// hasTunnel says that the tunnel's interface is there.
func (l *laboratory) hasTunnel() bool {
	_, err := l.try("", "ip", "-n", l.client, "link", "show", "holdfast0")
	return err == nil
}

// silence has no server be heard any more.
func (l *laboratory) silence() {
	for _, srv := range l.servers {
		srv.drop()
	}
}

func (l *laboratory) backFromSilence() {
	l.t.Helper()
	l.heal()
	l.s.cli("up", "g")
	l.connected()
}

func (l *laboratory) backFromAlways() {
	l.t.Helper()
	l.s.cli("settings", "set", "guard=auto")
	l.s.cli("up", "g")
	l.connected()
}

func (l *laboratory) runAgain() {
	l.t.Helper()
	l.s.run()
	l.connected()
}

// switchOver moves to the other member and waits until it is there.
func (l *laboratory) switchOver() {
	st, err := l.api().Status(l.t.Context())
	to := tunnel.Name("b")
	if err == nil && st.Active != nil && st.Active.Tunnel == to {
		to = "a"
	}
	if _, err := l.api().SwitchTo(l.t.Context(), to); err != nil {
		l.rest(10 * time.Millisecond)
		return
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); l.rest(time.Millisecond) {
		if st, err := l.api().Status(l.t.Context()); err == nil && st.Active != nil && st.Active.Tunnel == to {
			return
		}
	}
}

// failOver makes the active server silent until the other member is active.
func (l *laboratory) failOver() {
	st, err := l.api().Status(l.t.Context())
	if err != nil || st.Active == nil {
		l.rest(10 * time.Millisecond)
		return
	}
	for _, srv := range l.servers {
		if srv.name == string(st.Active.Tunnel) {
			srv.drop()
		}
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); l.rest(10 * time.Millisecond) {
		if now, err := l.api().Status(l.t.Context()); err == nil && now.Active != nil && now.Active.Tunnel != st.Active.Tunnel {
			break
		}
	}
	l.heal()
}

// allowed is what may leave beside packets of the tunnel in a state.
func (l *laboratory) allowed(st *state) *leak.Allowed {
	if st.passes {
		return nil
	}
	a := &leak.Allowed{Own: addrs(tunnelAddr, tunnelAddr6)}
	if st.mute {
		return a
	}
	// While a tunnel is in doubt the engine asks whether the router is there,
	// whether the endpoint's host is, and knocks at its port.
	ask := func(network, addr string, port uint16, most int) {
		a.Asked = append(a.Asked, leak.Question{Network: network, To: netip.AddrPortFrom(netip.MustParseAddr(addr), port), Most: most})
	}
	for _, srv := range l.servers {
		a.Endpoints = append(a.Endpoints, netip.AddrPortFrom(netip.MustParseAddr(srv.addr), listenPort))
		ask("icmp", srv.addr, 0, 0)
		ask("udp", srv.addr, listenPort, 4)
	}
	for _, router := range []string{routerAddr, routerAddr6, "10.201.0.1", "fd00:d::1"} {
		ask("icmp", router, 0, 0)
	}
	return a
}
