package wg

import "golang.zx2c4.com/wireguard/conn"

// newBind makes the UDP side of a device, which the device marks.
func (d *Devices) newBind() conn.Bind { return conn.NewDefaultBind() }
