package probe

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a DNS server on loopback, by UDP and TCP.
type nameServer struct {
	addr netip.AddrPort
	// answer makes the answer to a question; nil keeps silent.
	answer func(q dnsmessage.Question, tcp bool) *dnsmessage.Message
	asked  atomic.Int64 // questions by UDP for A records
	byTCP  atomic.Int64
}

func startServer(t *testing.T, answer func(q dnsmessage.Question, tcp bool) *dnsmessage.Message) *nameServer {
	t.Helper()
	return startServerAt(t, "127.0.0.1:0", answer)
}

// startServerAt starts one in the network namespace of the calling thread.
func startServerAt(t *testing.T, at string, answer func(q dnsmessage.Question, tcp bool) *dnsmessage.Message) *nameServer {
	t.Helper()
	s := &nameServer{answer: answer}
	pc, err := net.ListenPacket("udp4", at)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = pc.LocalAddr().(*net.UDPAddr).AddrPort()
	l, err := net.Listen("tcp4", s.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { s.serveUDP(t, pc) })
	running.Go(func() { s.serveTCP(t, l) })
	t.Cleanup(func() {
		_ = pc.Close()
		_ = l.Close()
		running.Wait()
	})
	return s
}

func (s *nameServer) serveUDP(t *testing.T, pc net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if out := s.reply(t, buf[:n], false); out != nil {
			_, _ = pc.WriteTo(out, from)
		}
	}
}

func (s *nameServer) serveTCP(t *testing.T, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err == nil {
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, query); err == nil {
				if out := s.reply(t, query, true); out != nil {
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
				}
			}
		}
		_ = c.Close()
	}
}

func (s *nameServer) reply(t *testing.T, query []byte, tcp bool) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		t.Errorf("a query that is none: %v", err)
		return nil
	}
	q := m.Questions[0]
	switch {
	case tcp:
		s.byTCP.Add(1)
	case q.Type == dnsmessage.TypeA:
		s.asked.Add(1)
	}
	out := s.answer(q, tcp)
	if out == nil {
		return nil
	}
	out.ID, out.Response, out.RecursionAvailable, out.Questions = m.ID, true, true, m.Questions
	packed, err := out.Pack()
	if err != nil {
		t.Error(err)
		return nil
	}
	return packed
}

// records answers with the addresses that fit the question's type.
func records(q dnsmessage.Question, addrs ...netip.Addr) *dnsmessage.Message {
	m := &dnsmessage.Message{}
	for _, a := range addrs {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 60}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m
}

// always answers every question with the same addresses.
func always(words ...string) func(dnsmessage.Question, bool) *dnsmessage.Message {
	return func(q dnsmessage.Question, _ bool) *dnsmessage.Message { return records(q, addrs(words...)...) }
}

// failing answers every question with an error.
func failing(code dnsmessage.RCode) func(dnsmessage.Question, bool) *dnsmessage.Message {
	return func(dnsmessage.Question, bool) *dnsmessage.Message {
		return &dnsmessage.Message{Header: dnsmessage.Header{RCode: code}}
	}
}

func silent(dnsmessage.Question, bool) *dnsmessage.Message { return nil }

func addrs(words ...string) []netip.Addr {
	var out []netip.Addr
	for _, w := range words {
		out = append(out, netip.MustParseAddr(w))
	}
	return out
}
