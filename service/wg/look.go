package wg

import (
	"net/netip"

	"holdfast/service/tunnel"
)

// Counters returns what a device has counted since it came up. ErrNoDevice.
func (d *Devices) Counters(name tunnel.Name) (tunnel.Counters, error) {
	m, err := d.member(name)
	if err != nil {
		return tunnel.Counters{}, err
	}
	return m.counters()
}

// Endpoint is where a device sends to. The zero value: not known, or no such device.
func (d *Devices) Endpoint(name tunnel.Name) netip.AddrPort {
	p, _ := d.look(name)
	return p.endpoint
}

// LocalPort is the UDP port a device sends from. 0: no such device.
func (d *Devices) LocalPort(name tunnel.Name) uint16 {
	_, r := d.look(name)
	return r.port
}

func (d *Devices) look(name tunnel.Name) (peerReading, reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.members[name]
	if m == nil {
		return peerReading{}, reading{}
	}
	p, r, err := m.readPeer()
	if err != nil {
		return peerReading{}, reading{}
	}
	return p, r
}

// SendError is the last error of a device's sending, reduced to the system's
// error number. nil: none since it came up, or no such device.
func (d *Devices) SendError(name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return nil
	}
	if last := m.tap.lastError.Load(); last != nil {
		return reason(*last)
	}
	return nil
}

// Arm asks for one signal on Activity when the device next sends a handshake
// initiation or a data packet that is not empty. Arming again changes nothing.
// Promote disarms the device it replaces. ErrNoDevice.
func (d *Devices) Arm(name tunnel.Name) error {
	m, err := d.member(name)
	if err != nil {
		return err
	}
	m.tap.armed.Store(true)
	return nil
}

// Activity signals once for each Arm. The channel holds one signal and is
// never closed. Between signals an idle tunnel wakes nobody.
func (d *Devices) Activity() <-chan struct{} { return d.activity }
