package wg

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// settings is text for wireguard-go's configuration protocol. It holds keys:
// it is built, handed over once and wiped.
type settings struct{ bytes.Buffer }

func (s *settings) set(key, value string) {
	s.WriteString(key)
	s.WriteByte('=')
	s.WriteString(value)
	s.WriteByte('\n')
}

// apply hands the text to the device and wipes it.
func (s *settings) apply(dev *device.Device) error {
	text := s.Bytes()
	defer clear(text)
	return dev.IpcSetOperation(bytes.NewReader(text))
}

// peer begins the section of one peer.
func (s *settings) peer(p *tunnel.Peer, update bool) {
	s.set("public_key", p.PublicKey.Hex())
	if update {
		s.set("update_only", "true")
	}
}

// configure sets everything of a new device. endpoints has one entry for each
// peer; an invalid one is none.
func configure(dev *device.Device, cfg *tunnel.Config, endpoints []netip.AddrPort, mark uint32, keepalive func(*tunnel.Peer) uint16) error {
	var s settings
	s.set("private_key", cfg.Interface.PrivateKey.RevealHex())
	s.set("listen_port", strconv.Itoa(int(cfg.Interface.ListenPort)))
	if mark != 0 {
		s.set("fwmark", strconv.FormatUint(uint64(mark), 10))
	}
	for i := range cfg.Peers {
		p := &cfg.Peers[i]
		s.peer(p, false)
		s.describe(p, endpoints[i], keepalive(p))
	}
	if err := s.apply(dev); err != nil {
		return fmt.Errorf("configure device: %w", err)
	}
	return nil
}

// describe sets what may differ between the members of a site.
func (s *settings) describe(p *tunnel.Peer, endpoint netip.AddrPort, keepalive uint16) {
	s.set("preshared_key", p.PresharedKey.RevealHex())
	if endpoint.IsValid() {
		s.set("endpoint", endpoint.String())
	}
	s.set("persistent_keepalive_interval", strconv.Itoa(int(keepalive)))
	s.set("replace_allowed_ips", "true")
	for _, ip := range p.AllowedIPs {
		s.set("allowed_ip", ip.Masked().String())
	}
}

// reading is what a device says of itself, less every key.
type reading struct {
	port  uint16
	peers []peerReading
}

// peerReading is what a device says of one peer.
type peerReading struct {
	key       string // public, in hex
	endpoint  netip.AddrPort
	handshake time.Time // zero: never
	rx, tx    uint64
}

// read asks the device. The answer holds the private key, so it is read where
// wireguard-go wrote it and not kept: reading takes it line by line.
func read(dev *device.Device) (reading, error) {
	var r reading
	if err := dev.IpcGetOperation(&r); err != nil {
		return reading{}, fmt.Errorf("read device: %w", err)
	}
	return r, nil
}

// Write takes the whole answer of the device, in one piece.
func (r *reading) Write(text []byte) (int, error) {
	var sec int64
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("="))
		switch string(key) {
		case "private_key", "preshared_key":
			continue
		case "listen_port":
			n, _ := strconv.ParseUint(string(value), 10, 16)
			r.port = uint16(n)
			continue
		case "public_key":
			r.peers = append(r.peers, peerReading{key: string(value)})
			continue
		}
		if len(r.peers) == 0 {
			continue
		}
		p := &r.peers[len(r.peers)-1]
		switch string(key) {
		case "endpoint":
			p.endpoint, _ = netip.ParseAddrPort(string(value))
		case "last_handshake_time_sec":
			sec, _ = strconv.ParseInt(string(value), 10, 64)
		case "last_handshake_time_nsec":
			if ns, _ := strconv.ParseInt(string(value), 10, 64); sec != 0 || ns != 0 {
				p.handshake = time.Unix(sec, ns)
			}
		case "rx_bytes":
			p.rx, _ = strconv.ParseUint(string(value), 10, 64)
		case "tx_bytes":
			p.tx, _ = strconv.ParseUint(string(value), 10, 64)
		}
	}
	return len(text), nil
}
