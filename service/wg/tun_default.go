//go:build !linux

package wg

import "golang.zx2c4.com/wireguard/tun"

// openTUN creates the interface. That it was removed or set down is learned
// here only from what wireguard-go itself reports for the system.
func openTUN(name string, mtu int) (tun.Device, error) { return tun.CreateTUN(name, mtu) }
