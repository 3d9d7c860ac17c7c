package probe

import (
	"net/netip"
	"slices"
	"testing"

	"holdfast/service/underlay"
)

// While a tunnel's resolver is asked first, those of the network are still told.
func TestScopedServers(t *testing.T) {
	const text = `DNS configuration

resolver #1
  search domain[0] : home.example
  nameserver[0] : 10.8.0.1
  flags    : Supplemental, Request A records
  reach    : 0x00000003 (Reachable,Transient Connection)
  order    : 101200

resolver #2
  nameserver[0] : 192.168.1.1
  if_index : 11 (en0)
  flags    : Request A records

DNS configuration (for scoped queries)

resolver #1
  search domain[0] : home.example
  nameserver[0] : 192.168.1.1
  nameserver[1] : fe80::1%en0
  if_index : 11 (en0)
  flags    : Scoped, Request A records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  nameserver[0] : nonsense
  nameserver[1] : 192.0.2.53
  if_index : 22 (utun4)
  flags    : Scoped

DNS configuration (for service-specific queries)

resolver #1
  nameserver[0] : 198.51.100.1
  if_index : 22 (utun4)
`
	want := []underlay.Server{
		{Link: 11, Addr: netip.MustParseAddr("192.168.1.1")},
		{Link: 11, Addr: netip.MustParseAddr("fe80::1%en0")},
		{Link: 22, Addr: netip.MustParseAddr("192.0.2.53")},
	}
	if got := scopedServers(text); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, none := range []string{"", "No DNS configuration available\n", "DNS configuration\n\nresolver #1\n  nameserver[0] : 192.0.2.1\n  if_index : 4 (en0)\n"} {
		if got := scopedServers(none); len(got) != 0 {
			t.Errorf("%q: got %v", none, got)
		}
	}
}
