package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// listenProxy serves SOCKS 5 on loopback to whoever asks for an IPv4 address, and
// returns where. It ends with the process.
func listenProxy() (net.Addr, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c)
		}
	}()
	return l.Addr(), nil
}

func forward(c net.Conn) {
	defer c.Close()
	to, err := asked(c)
	if err != nil {
		return
	}
	far, err := net.Dial("tcp4", to.String())
	if err != nil {
		return
	}
	defer far.Close()
	// Version, done, reserved, and an address that nobody reads.
	if _, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(far, c)
		_ = far.Close()
	}()
	_, _ = io.Copy(c, far)
}

// asked is where a caller wants to go; see RFC 1928.
func asked(c net.Conn) (to netip.AddrPort, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return to, err
	}
	if _, err := io.CopyN(io.Discard, c, int64(head[1])); err != nil {
		return to, err
	}
	if _, err := c.Write([]byte{5, 0}); err != nil {
		return to, err
	}
	request := make([]byte, 10)
	if _, err := io.ReadFull(c, request); err != nil {
		return to, err
	}
	if request[1] != 1 || request[3] != 1 {
		return to, fmt.Errorf("not a connection to an IPv4 address: %v", request)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(request[4:8])), binary.BigEndian.Uint16(request[8:])), nil
}
