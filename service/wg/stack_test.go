package wg

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/tun/netstack"

	"holdfast/service/tunnel"
)

// newStackServer is a server with a whole network stack behind it, at addrs.
func newStackServer(t testing.TB, client tunnel.PublicKey, addrs ...netip.Addr) (*server, *netstack.Net) {
	t.Helper()
	dev, stack, err := netstack.CreateNetTUN(addrs, nil, DefaultMTU)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{key: newKey(t)}
	s.dev = device.NewDevice(dev, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	text := "private_key=" + s.key.RevealHex() + "\nlisten_port=0\npublic_key=" + client.Hex() + "\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n"
	if err := errors.Join(s.dev.IpcSet(text), s.dev.Up()); err != nil {
		t.Fatal(err)
	}
	r, err := read(s.dev)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.port)
	t.Cleanup(s.dev.Close)
	return s, stack
}

// TestTCPTeachesByItself lets a real network stack talk to another one, by both
// families. The interface is one that needs a pump.
func TestTCPTeachesByItself(t *testing.T) {
	for _, tt := range []struct{ family, client, server, far string }{
		{"IPv4", "10.8.0.2", "10.8.0.1", "10.9.0.5"},
		{"IPv6", "fd00:8::2", "fd00:8::1", "fd00:9::5"},
	} {
		t.Run(tt.family, func(t *testing.T) {
			own, far := netip.MustParseAddr(tt.client), netip.MustParseAddr(tt.far)
			key := newKey(t)
			s, there := newStackServer(t, key.Public(), netip.MustParseAddr(tt.server), far)
			var here *netstack.Net
			c := New(Options{OpenTUN: func(string, int) (tun.Device, error) {
				dev, stack, err := netstack.CreateNetTUN([]netip.Addr{own}, nil, DefaultMTU)
				here = stack
				return dev, err
			}})
			if _, err := c.Open("", 0); err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			cfg := configFor(key, s, s.addr)
			cfg.Interface.Addresses = []netip.Prefix{netip.PrefixFrom(own, own.BitLen())}
			cfg.Peers[0].AllowedIPs = prefixes([]string{"0.0.0.0/0", "::/0"})
			if err := errors.Join(c.Start(patient(t), "a", cfg, StartOptions{}), c.Promote("a")); err != nil {
				t.Fatal(err)
			}
			path := func() tunnel.Path {
				got, err := c.Counters("a")
				if err != nil {
					t.Fatal(err)
				}
				return got.Path
			}
			eventually(t, "the server is known", func() bool { return path().Near.Known == 1 })
			listener, err := there.ListenTCPAddrPort(netip.AddrPortFrom(far, 80))
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			var serving sync.WaitGroup
			defer serving.Wait()
			serving.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				buf := make([]byte, 1<<16)
				for n := 0; err == nil; {
					if n, err = conn.Read(buf); err == nil {
						_, err = conn.Write(buf[:n])
					}
				}
			})
			m, _ := c.member("a")
			m.port.learnAt.Store(0)
			before := path()
			conn, err := here.DialContextTCPAddrPort(patient(t), netip.AddrPortFrom(far, 80))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			buf := make([]byte, 1000)
			for range 20 {
				if _, err := conn.Write(buf); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Read(buf); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "acknowledgements prove round trips", func() bool {
				p := path()
				return p.RoundTripAt.After(before.RoundTripAt) && p.WaitingSince.IsZero() && p.LossOf > before.LossOf
			})
			// The first packets that came were an occasion to try whom they came from.
			m.port.learnAt.Store(0)
			if _, err := conn.Write(buf); err != nil {
				t.Fatal(err)
			}
			eventually(t, "who was talked to is known", func() bool { return slices.Equal(c.Responders("a"), []netip.Addr{far}) })
		})
	}
}
