package wg

import (
	"golang.zx2c4.com/wireguard/conn"

	"holdfast/service/underlay"
)

func systemBind() (conn.Bind, conn.BindSocketToInterface) {
	b := &udpBind{bindTo: underlay.Bind}
	return b, b
}
