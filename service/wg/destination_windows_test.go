package wg

import (
	"net/netip"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
)

// The short way to an endpoint's address leads to the same as the long one.
func TestDestination(t *testing.T) {
	for _, bind := range []conn.Bind{new(conn.WinRingBind), conn.NewStdNetBind()} {
		for _, at := range []string{"192.0.2.7:51820", "[2001:db8::7]:443", "[fe80::1%1]:65535"} {
			ep, err := bind.ParseEndpoint(at)
			if err != nil {
				t.Fatal(err)
			}
			want := bare(netip.MustParseAddrPort(at))
			if got := bare(destination(ep)); got != want || bare(addressOf(ep)) != want {
				t.Errorf("%T %s: got %v and %v, want %v", bind, at, got, addressOf(ep), want)
			}
		}
	}
}
