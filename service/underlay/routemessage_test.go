package underlay

import (
	"encoding/binary"
	"testing"
)

func message(kind byte, flags uint32) []byte {
	m := make([]byte, 112)
	binary.NativeEndian.PutUint16(m, uint16(len(m)))
	m[2], m[kindAt] = 5, kind // RTM_VERSION
	binary.NativeEndian.PutUint32(m[flagsAt:], flags)
	return m
}

func TestIsNews(t *testing.T) {
	const (
		rtmGet, rtmMiss, rtmResolve = 0x4, 0x7, 0xb
		rtfUp, rtfGateway           = 0x1, 0x2
	)
	for _, c := range []struct {
		name    string
		message []byte
		want    bool
	}{
		{"a route is added", message(rtmAdd, rtfUp|rtfGateway), true},
		{"a route goes", message(rtmDelete, rtfGateway), true},
		{"a route changes", message(rtmChange, rtfUp), true},
		{"a neighbour is learned", message(rtmAdd, rtfUp|rtfLLInfo), false},
		{"a copy for one address goes", message(rtmDelete, rtfUp|rtfWasCloned), false},
		{"an address comes", message(rtmNewAddr, 0), true},
		{"an address goes", message(rtmDelAddr, 0), true},
		{"an interface goes down", message(rtmIfInfo, 0), true},
		{"a redirect", message(rtmRedirect, rtfUp), true},
		{"somebody asks for a route", message(rtmGet, rtfUp), false},
		{"there was no route", message(rtmMiss, 0), false},
		{"a neighbour is looked for", message(rtmResolve, 0), false},
		{"too short", message(rtmAdd, rtfUp)[:flagsAt+3], false},
		{"nothing", nil, false},
	} {
		if got := isNews(c.message); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}
