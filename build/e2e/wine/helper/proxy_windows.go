package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
)

// listenProxy serves SOCKS 5 on loopback to whoever names a host, and
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
	defer func() { _ = c.Close() }()
	to, err := asked(c)
	if err != nil {
		return
	}
	far, err := net.Dial("tcp4", to)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
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
func asked(c net.Conn) (to string, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return "", err
	}
	if _, err := io.CopyN(io.Discard, c, int64(head[1])); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte{5, 0}); err != nil {
		return "", err
	}
	// Version, command, reserved, and what follows: an address of four bytes, or a
	// name after its length, as browsers have it even for addresses.
	request := make([]byte, 4)
	if _, err := io.ReadFull(c, request); err != nil {
		return "", err
	}
	length := make([]byte, 1)
	switch {
	case request[1] == 1 && request[3] == 1:
		length[0] = 4
	case request[1] == 1 && request[3] == 3:
		if _, err := io.ReadFull(c, length); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("not a connection to a host: %v", request)
	}
	name := make([]byte, int(length[0])+2)
	if _, err := io.ReadFull(c, name); err != nil {
		return "", err
	}
	host, port := string(name[:len(name)-2]), binary.BigEndian.Uint16(name[len(name)-2:])
	if request[3] == 1 {
		host = net.IP(host).String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
}
