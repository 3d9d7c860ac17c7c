package wg

import "golang.zx2c4.com/wireguard/conn"

// systemBind is registered I/O, or plain sockets where the system has not that.
// Both let themselves be bound.
func systemBind() (conn.Bind, conn.BindSocketToInterface) {
	if ring, ok := conn.NewDefaultBind().(*conn.WinRingBind); ok {
		return ring, ring
	}
	std := conn.NewStdNetBind().(*conn.StdNetBind)
	return std, std
}
