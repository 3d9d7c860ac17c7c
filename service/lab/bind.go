package lab

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"
)

// bindBatch is how many forged handshakes the device may take in one go.
const bindBatch = 16

// bind is the UDP side of a server: one socket on 127.0.0.1 that outlives the
// devices that use it one after the other, so that a restarted server has the
// same port. A second receive function feeds it forged handshakes.
type bind struct {
	socket *net.UDPConn
	forged chan []byte

	mu   sync.Mutex    // protects open
	open chan struct{} // closed by Close; nil: not open
}

func listenBind() (*bind, error) {
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopbackAny))
	if err != nil {
		return nil, err
	}
	growBuffers(socket)
	return &bind{socket: socket, forged: make(chan []byte)}, nil
}

func (b *bind) address() netip.AddrPort {
	return b.socket.LocalAddr().(*net.UDPAddr).AddrPort()
}

// Open gives the device its receive functions. The port is always the same.
func (b *bind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	if err := b.socket.SetReadDeadline(time.Time{}); err != nil {
		return nil, 0, err
	}
	open := make(chan struct{})
	b.open = open
	var closed atomic.Bool
	fromNetwork := func(packets [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
		return b.receive(&closed, packets, sizes, eps)
	}
	fromForger := func(packets [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
		return b.receiveForged(open, &closed, packets, sizes, eps)
	}
	return []conn.ReceiveFunc{fromNetwork, fromForger}, b.address().Port(), nil
}

func (b *bind) receive(closed *atomic.Bool, packets [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
	for !closed.Load() {
		n, from, err := b.socket.ReadFromUDPAddrPort(packets[0])
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			if b.isClosed() {
				break
			}
			continue // what Windows tells of earlier datagrams that were refused
		}
		sizes[0], eps[0] = n, endpoint{from}
		return 1, nil
	}
	closed.Store(true)
	return 0, net.ErrClosed
}

func (b *bind) receiveForged(open chan struct{}, closed *atomic.Bool, packets [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
	select {
	case <-open:
		closed.Store(true)
		return 0, net.ErrClosed
	case data := <-b.forged:
		// Many at once: the queue must grow faster than the device works it off.
		for i := range packets {
			sizes[i], eps[i] = copy(packets[i], data), endpoint{}
		}
		return len(packets), nil
	}
}

func (b *bind) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open == nil
}

// Close ends the receive functions; the socket stays.
func (b *bind) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return nil
	}
	close(b.open)
	b.open = nil
	return b.socket.SetReadDeadline(time.Unix(1, 0))
}

// SetMark does nothing: nothing here leaves the loopback.
func (b *bind) SetMark(uint32) error { return nil }

// Send writes to the endpoint; answers to forged handshakes go nowhere.
func (b *bind) Send(packets [][]byte, to conn.Endpoint) error {
	e, ok := to.(endpoint)
	if !ok {
		return conn.ErrWrongEndpointType
	}
	if !e.addr.IsValid() {
		return nil
	}
	for _, packet := range packets {
		if _, err := b.socket.WriteToUDPAddrPort(packet, e.addr); err != nil {
			return err
		}
	}
	return nil
}

// ParseEndpoint reads an address and port.
func (b *bind) ParseEndpoint(s string) (conn.Endpoint, error) {
	addr, err := netip.ParseAddrPort(s)
	return endpoint{addr}, err
}

// BatchSize is bindBatch.
func (b *bind) BatchSize() int { return bindBatch }

// endpoint is where a client's datagrams came from. The zero value is the forger.
type endpoint struct{ addr netip.AddrPort }

func (e endpoint) ClearSrc()           {}
func (e endpoint) SrcToString() string { return "" }
func (e endpoint) DstToString() string { return e.addr.String() }
func (e endpoint) DstToBytes() []byte  { b, _ := e.addr.MarshalBinary(); return b }
func (e endpoint) DstIP() netip.Addr   { return e.addr.Addr() }
func (e endpoint) SrcIP() netip.Addr   { return netip.Addr{} }
