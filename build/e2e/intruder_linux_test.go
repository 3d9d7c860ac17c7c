package e2e

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"

	"holdfast/service/tunnel"
	"holdfast/service/userspace"
	"holdfast/service/wg"
)

// Others who speak to the servers.

// rival is another machine with the client's key, which keeps using it.
func (w *world) rival(of *server) {
	w.t.Helper()
	ns, iface := w.elsewhere("rival"), of.iface+"r"
	w.start(ns, []string{"WG_PROCESS_FOREGROUND=1", "LOG_LEVEL=error"}, programs.wgServe, "-f", iface)
	r := &server{w: w, name: "rival", ns: ns, iface: iface}
	r.answers()
	r.configure(fmt.Sprintf("private_key=%s\nreplace_peers=true\npublic_key=%s\nendpoint=%s:%d\nallowed_ip=0.0.0.0/0\n",
		of.client.RevealHex(), of.key.Public().Hex(), of.addr, listenPort))
	w.sh("", "ip", "-n", ns, "addr", "add", "10.9.0.2/32", "dev", iface)
	w.sh("", "ip", "-n", ns, "link", "set", iface, "up")
	w.sh("", "ip", "-n", ns, "route", "add", target, "dev", iface)
	w.start(ns, nil, "ping", "-n", "-q", "-i", "0.2", target)
}

// elsewhere is the namespace of another machine behind the router.
func (w *world) elsewhere(what string) string {
	ns := w.namespace(what)
	w.link(ns, "eth0", "10.200.90.2", "o", "10.200.90.1")
	return ns
}

// overload floods a server with handshakes that only its first check lets pass,
// until the test ends. No other handshake of the client gets through beside
// them: the queue that they overflow is the router's, so that it need not take
// all of this machine.
func (w *world) overload(of *server) {
	w.t.Helper()
	var c net.Conn
	w.inNamespace(w.elsewhere("flood"), func() (err error) {
		c, err = net.Dial("udp4", net.JoinHostPort(of.addr, strconv.Itoa(listenPort)))
		return err
	})
	// The second check's field of an initiation is not empty once there was a cookie.
	w.sh(w.router, "nft", "add table ip full; add chain ip full f { type filter hook forward priority 0; }; "+
		"add rule ip full f ip saddr 10.200.0.2 ip daddr "+of.addr+" udp length 156 @th,1120,32 != 0 drop")
	ctx, stop := context.WithCancel(context.Background())
	var flooding sync.WaitGroup
	flooding.Go(func() {
		packet := forged(of.key.Public())
		again := time.NewTicker(200 * time.Millisecond)
		defer again.Stop()
		for {
			for range 1024 {
				_, _ = c.Write(packet)
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	})
	w.t.Cleanup(func() { stop(); flooding.Wait(); c.Close() })
}

// forged is an initiation of which only the first check is right.
func forged(to tunnel.PublicKey) []byte {
	var macs device.CookieGenerator
	macs.Init(device.NoisePublicKey(to))
	packet := make([]byte, device.MessageInitiationSize)
	_, _ = rand.Read(packet) // never fails
	binary.LittleEndian.PutUint32(packet, device.MessageInitiationType)
	clear(packet[len(packet)-32:])
	macs.AddMacs(packet)
	return packet
}

// dateAhead has a server see a handshake of the client that is dated later than
// now, as from a time when the client's clock was ahead.
func (w *world) dateAhead(of *server, ahead time.Duration) {
	w.t.Helper()
	cfg, err := tunnel.Parse([]byte(of.conf()))
	if err != nil {
		w.t.Fatal(err)
	}
	d := wg.New(wg.Options{OpenTUN: func(_ string, mtu int) (tun.Device, error) { return userspace.New(mtu) }})
	defer d.Close()
	w.inNamespace(w.elsewhere("earlier"), func() error {
		if _, err := d.Open(filepath.Base(w.dir), cfg.MTU()); err != nil {
			return err
		}
		return d.Start(w.t.Context(), "earlier", cfg, wg.StartOptions{})
	})
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	defer cancel()
	if answered, err := d.AskStamped(ctx, "earlier", time.Now().Add(ahead)); err != nil || !answered {
		w.t.Fatalf("a handshake dated %v ahead: answered %t, %v", ahead, answered, err)
	}
}
