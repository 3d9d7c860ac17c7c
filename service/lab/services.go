package lab

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// The ports that answer at every address inside a tunnel. ICMP echo is answered
// too. All other TCP ports are refused; what comes to other UDP ports is dropped.
const (
	PortEcho    = 7  // TCP and UDP: what comes goes back
	PortDiscard = 9  // TCP: what comes is read and forgotten
	PortStream  = 19 // TCP: bytes come for as long as they are read
	PortDNS     = 53 // UDP: every A question has the answer 203.0.113.10; what is no question is echoed
	PortHTTP    = 80 // TCP: every request is answered by 204, with the server's name in ServerHeader
)

// ServerHeader is the header in which an HTTP answer names the lab's server it
// came from.
const ServerHeader = "X-Lab-Server"

const (
	// serviceIdle ends a connection or a UDP flow on which nothing happens.
	serviceIdle = time.Minute
	// handshakesMost bounds the TCP connections that are being opened at once.
	handshakesMost = 256
)

// serve answers TCP and UDP at every address.
func (n *inside) serve() {
	forwardTCP := tcp.NewForwarder(n.stack, 0, handshakesMost, n.acceptTCP)
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, forwardTCP.HandlePacket)
	forwardUDP := udp.NewForwarder(n.stack, n.acceptUDP)
	n.stack.SetTransportProtocolHandler(udp.ProtocolNumber, forwardUDP.HandlePacket)
}

func (n *inside) acceptTCP(r *tcp.ForwarderRequest) {
	service := n.tcpService(r.ID().LocalPort)
	if service == nil {
		r.Complete(true)
		return
	}
	var queue waiter.Queue
	end, err := r.CreateEndpoint(&queue)
	if err != nil {
		r.Complete(true)
		return
	}
	r.Complete(false)
	n.start(gonet.NewTCPConn(&queue, end), service)
}

func (n *inside) acceptUDP(r *udp.ForwarderRequest) {
	var service func(net.Conn)
	switch r.ID().LocalPort {
	case PortEcho:
		service = serveEchoUDP
	case PortDNS:
		service = serveDNS
	default:
		return
	}
	var queue waiter.Queue
	end, err := r.CreateEndpoint(&queue)
	if err != nil {
		return
	}
	n.start(gonet.NewUDPConn(&queue, end), service)
}

// start runs a service on a connection until either ends.
func (n *inside) start(c net.Conn, service func(net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		_ = c.Close()
		return
	}
	n.conns[c] = true
	n.serving.Go(func() {
		service(c)
		_ = c.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.conns, c)
	})
}

func (n *inside) tcpService(port uint16) func(net.Conn) {
	switch port {
	case PortEcho:
		return serveEcho
	case PortDiscard:
		return func(c net.Conn) { _, _ = io.Copy(io.Discard, patient{c}) }
	case PortStream:
		return serveStream
	case PortHTTP:
		return n.serveHTTP
	}
	return nil
}

// patient gives every read and write on a connection serviceIdle.
type patient struct{ net.Conn }

func (p patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(serviceIdle))
	return p.Conn.Read(b)
}

func (p patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(serviceIdle))
	return p.Conn.Write(b)
}

func serveEcho(c net.Conn) { _, _ = io.Copy(patient{c}, patient{c}) }

func serveStream(c net.Conn) {
	chunk := make([]byte, 16<<10)
	for i := range chunk {
		chunk[i] = byte('!' + i%94)
	}
	for {
		if _, err := (patient{c}).Write(chunk); err != nil {
			return
		}
	}
}

func (n *inside) serveHTTP(c net.Conn) {
	r := bufio.NewReader(patient{c})
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		_, err = fmt.Fprintf(patient{c}, "HTTP/1.1 204 No Content\r\n%s: %s\r\n\r\n", ServerHeader, n.name)
		if err != nil || request.Close {
			return
		}
	}
}

func serveEchoUDP(c net.Conn) { answerUDP(c, func(b []byte) []byte { return b }) }

func serveDNS(c net.Conn) { answerUDP(c, answerDNS) }

func answerUDP(c net.Conn, answer func([]byte) []byte) {
	buf := make([]byte, datagramMost)
	for {
		n, err := patient{c}.Read(buf)
		if err != nil {
			return
		}
		if _, err := (patient{c}).Write(answer(buf[:n])); err != nil {
			return
		}
	}
}

// answerDNS answers a question; what is none comes back as it is.
func answerDNS(query []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || m.Response || len(m.Questions) != 1 {
		return query
	}
	q := m.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionDesired: m.RecursionDesired, RecursionAvailable: true},
		Questions: m.Questions,
	}
	if q.Type == dnsmessage.TypeA && q.Class == dnsmessage.ClassINET {
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{203, 0, 113, 10}},
		}}
	}
	out, err := answer.Pack()
	if err != nil {
		return query
	}
	return out
}
