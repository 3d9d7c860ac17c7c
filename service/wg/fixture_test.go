package wg

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"flag"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/tunnel"
)

// TestMain runs more tests side by side than there are processors: they wait
// most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// soak is how much of something a test does: long with HOLDFAST_SOAK.
func soak(short, long int) int {
	if os.Getenv("HOLDFAST_SOAK") == "" {
		return short
	}
	return long
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var (
	clientAddr = netip.MustParseAddr("10.8.0.2")
	serverAddr = netip.MustParseAddr("10.8.0.1")
)

// memTUN is an interface in memory: the test sends and receives in the place of
// the system.
type memTUN struct {
	in, out     chan []byte
	interrupted chan struct{}
	events      chan tun.Event
	done        chan struct{}
	once        sync.Once
	// onWrite, when set, takes a delivered packet in place of out.
	onWrite func(m *memTUN, packet []byte)
	refused atomic.Uint64 // packets for which there was no room
}

func newMemTUN() *memTUN {
	return &memTUN{
		in:          make(chan []byte, 4096),
		out:         make(chan []byte, 65536),
		interrupted: make(chan struct{}, 1),
		events:      make(chan tun.Event, 1),
		done:        make(chan struct{}),
	}
}

func (m *memTUN) Interrupt() {
	select {
	case m.interrupted <- struct{}{}:
	default:
	}
}

func (m *memTUN) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	select {
	case <-m.done:
		return 0, os.ErrClosed
	case <-m.interrupted:
		return 0, os.ErrDeadlineExceeded
	case p := <-m.in:
		sizes[0] = copy(bufs[0][offset:], p)
		return 1, nil
	}
}

func (m *memTUN) Write(bufs [][]byte, offset int) (int, error) {
	for _, b := range bufs {
		p := append([]byte(nil), b[offset:]...)
		if m.onWrite != nil {
			m.onWrite(m, p)
			continue
		}
		select {
		case m.out <- p:
		default:
			m.refused.Add(1)
		}
	}
	return len(bufs), nil
}

func (m *memTUN) Close() error {
	m.once.Do(func() {
		close(m.done)
		close(m.events)
	})
	return nil
}
func (m *memTUN) File() *os.File           { return nil }
func (m *memTUN) MTU() (int, error)        { return DefaultMTU, nil }
func (m *memTUN) Name() (string, error)    { return "mem0", nil }
func (m *memTUN) Events() <-chan tun.Event { return m.events }
func (m *memTUN) BatchSize() int           { return 1 }

// send gives the interface a numbered packet for dst.
func (m *memTUN) send(src, dst netip.Addr, seq uint64) { m.in <- packet(src, dst, seq) }

// packet is an IPv4 packet of an experimental protocol that carries a number.
func packet(src, dst netip.Addr, seq uint64) []byte {
	p := make([]byte, 28)
	p[0], p[8], p[9] = 0x45, 64, 253
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	copy(p[12:], src.AsSlice())
	copy(p[16:], dst.AsSlice())
	binary.BigEndian.PutUint64(p[20:], seq)
	return p
}

func number(p []byte) uint64 { return binary.BigEndian.Uint64(p[20:]) }

// echo sends every packet back where it came from.
func echo(m *memTUN, p []byte) {
	var src [4]byte
	copy(src[:], p[12:16])
	copy(p[12:16], p[16:20])
	copy(p[16:20], src[:])
	select {
	case m.in <- p:
	default:
		m.refused.Add(1)
	}
}

func newKey(t testing.TB) tunnel.PrivateKey {
	t.Helper()
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		t.Fatal(err)
	}
	return tunnel.NewPrivateKey(random)
}

// server is a real WireGuard server in this process, on loopback.
type server struct {
	key  tunnel.PrivateKey
	tun  *memTUN
	dev  *device.Device
	addr netip.AddrPort
}

// newServer serves the clients; on what arrives it calls onWrite (echo, say).
func newServer(t testing.TB, onWrite func(*memTUN, []byte), clients ...tunnel.PublicKey) *server {
	t.Helper()
	s := &server{key: newKey(t), tun: newMemTUN()}
	s.tun.onWrite = onWrite
	s.dev = device.NewDevice(s.tun, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	text := "private_key=" + s.key.RevealHex() + "\nlisten_port=0\n"
	for _, c := range clients {
		text += "public_key=" + c.Hex() + "\nallowed_ip=" + clientAddr.String() + "/32\n"
	}
	if err := s.dev.IpcSet(text); err != nil {
		t.Fatal(err)
	}
	if err := s.dev.Up(); err != nil {
		t.Fatal(err)
	}
	r, err := read(s.dev)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.port)
	t.Cleanup(s.dev.Close)
	return s
}

// configFor is a client's config for a server that is reached at addr.
func configFor(client tunnel.PrivateKey, s *server, addr netip.AddrPort) *tunnel.Config {
	return &tunnel.Config{
		Interface: tunnel.Interface{PrivateKey: client, Addresses: []netip.Prefix{netip.PrefixFrom(clientAddr, 32)}},
		Peers: []tunnel.Peer{{
			PublicKey:  s.key.Public(),
			AllowedIPs: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
			Endpoint:   tunnel.Endpoint{Host: addr.Addr().String(), Port: addr.Port()},
		}},
	}
}

// client is Devices on an interface in memory.
type client struct {
	*Devices
	tun *memTUN
}

// newClient is a client under a guard that sees whatever leaves its sockets, and
// that has everything given back in the end.
func newClient(t testing.TB, o Options) *client {
	t.Helper()
	if o.Permit == nil {
		l := newLedger(t)
		o = l.guarded(o)
		t.Cleanup(l.mustBeShut)
	}
	return newUnguarded(t, o)
}

func newUnguarded(t testing.TB, o Options) *client {
	t.Helper()
	c := &client{}
	o.OpenTUN = func(string, int) (tun.Device, error) {
		c.tun = newMemTUN()
		return c.tun, nil
	}
	c.Devices = New(o)
	if _, err := c.Open("", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *client) mustStart(t testing.TB, name tunnel.Name, cfg *tunnel.Config, o StartOptions) {
	t.Helper()
	if err := c.Start(context.Background(), name, cfg, o); err != nil {
		t.Fatal(err)
	}
}

func (c *client) mustProbe(t testing.TB, name tunnel.Name) time.Duration {
	t.Helper()
	rtt, err := c.Probe(patient(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return rtt
}

func (c *client) mustPromote(t testing.TB, name tunnel.Name) {
	t.Helper()
	if err := c.Promote(name); err != nil {
		t.Fatal(err)
	}
}

func (c *client) mustCount(t testing.TB, name tunnel.Name) tunnel.Counters {
	t.Helper()
	counters, err := c.Counters(name)
	if err != nil {
		t.Fatal(err)
	}
	return counters
}

// mustEcho sends a packet through the active device and waits for it to return.
func (c *client) mustEcho(t testing.TB, seq uint64) {
	t.Helper()
	c.tun.send(clientAddr, serverAddr, seq)
	for {
		select {
		case p := <-c.tun.out:
			if number(p) == seq {
				return
			}
		case <-time.After(patience):
			t.Fatalf("packet %d did not come back", seq)
		}
	}
}

// connected is a client whose device "a" is active at an echoing server.
func connected(t testing.TB) (*client, *server) {
	t.Helper()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, s.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	return c, s
}

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !within(patience, holds) {
		t.Fatalf("it never came true: %s", what)
	}
}

// within says whether the condition comes to hold in that time.
func within(d time.Duration, holds func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(d)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

// path is the network between clients and one server: a UDP socket that passes
// datagrams on, keeps note of the handshakes and can go silent or slow.
type path struct {
	addr    netip.AddrPort // where clients send to
	front   *net.UDPConn
	server  *net.UDPAddr
	dropUp  atomic.Bool
	dropAll atomic.Bool
	delay   atomic.Int64 // each way, in nanoseconds
	passing sync.WaitGroup

	mu    sync.Mutex
	backs map[netip.AddrPort]*net.UDPConn
	asked []netip.AddrPort // the sources of the initiations, in order
}

func newPath(t testing.TB, server netip.AddrPort, delay time.Duration) *path {
	t.Helper()
	front, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return pathFrom(t, front, server, delay)
}

// pathFrom is the network behind a socket to which clients send.
func pathFrom(t testing.TB, front *net.UDPConn, server netip.AddrPort, delay time.Duration) *path {
	t.Helper()
	p := &path{
		front:  front,
		addr:   front.LocalAddr().(*net.UDPAddr).AddrPort(),
		server: net.UDPAddrFromAddrPort(server),
		backs:  map[netip.AddrPort]*net.UDPConn{},
	}
	p.slow(delay)
	p.passing.Go(p.up)
	t.Cleanup(func() {
		front.Close()
		p.mu.Lock()
		for _, b := range p.backs {
			b.Close()
		}
		p.mu.Unlock()
		p.passing.Wait()
	})
	return p
}

func (p *path) up() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.front.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		if n > 0 && buf[0] == device.MessageInitiationType {
			p.asked = append(p.asked, from)
		}
		back := p.backs[from]
		if back == nil {
			if back, err = net.DialUDP("udp4", nil, p.server); err != nil {
				p.mu.Unlock()
				return
			}
			p.backs[from] = back
			p.passing.Go(func() { p.down(back, from) })
		}
		p.mu.Unlock()
		if p.dropAll.Load() || p.dropUp.Load() {
			continue
		}
		p.later(append([]byte(nil), buf[:n]...), func(b []byte) { _, _ = back.Write(b) })
	}
}

func (p *path) down(back *net.UDPConn, to netip.AddrPort) {
	buf := make([]byte, 65536)
	for {
		n, err := back.Read(buf)
		if err != nil {
			return
		}
		if p.dropAll.Load() {
			continue
		}
		p.later(append([]byte(nil), buf[:n]...), func(b []byte) { _, _ = p.front.WriteToUDPAddrPort(b, to) })
	}
}

// slow sets how long a datagram takes each way.
func (p *path) slow(delay time.Duration) { p.delay.Store(int64(delay)) }

func (p *path) later(b []byte, send func([]byte)) {
	delay := time.Duration(p.delay.Load())
	if delay == 0 {
		send(b)
		return
	}
	time.AfterFunc(delay, func() { send(b) })
}

// initiations returns the sources of the initiations seen so far.
func (p *path) initiations() []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]netip.AddrPort(nil), p.asked...)
}

// silentPort is a UDP port of loopback at which somebody listens and never answers.
func silentPort(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// closedPort is a UDP port of loopback at which nobody listens.
func closedPort(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}
