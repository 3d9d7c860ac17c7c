package wg

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/service/tunnel"
)

func TestReadingKeepsNoKey(t *testing.T) {
	private, psk := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	first, second := strings.Repeat("01", 32), strings.Repeat("02", 32)
	const answer = `private_key=PRIVATE
listen_port=51820
fwmark=7
public_key=FIRST
preshared_key=SECRET
protocol_version=1
endpoint=192.0.2.1:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=5
tx_bytes=10
rx_bytes=20
persistent_keepalive_interval=0
allowed_ip=0.0.0.0/0
public_key=SECOND
endpoint=[2001:db8::1]:1
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=18446744073709551615
rx_bytes=x
`
	text := strings.NewReplacer("PRIVATE", private, "FIRST", first, "SECRET", psk, "SECOND", second).Replace(answer)
	var got reading
	if n, err := got.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	want := reading{port: 51820, peers: []peerReading{
		{key: first, endpoint: netip.MustParseAddrPort("192.0.2.1:51820"), handshake: time.Unix(1700000000, 5), rx: 20, tx: 10},
		{key: second, endpoint: netip.MustParseAddrPort("[2001:db8::1]:1"), tx: 1<<64 - 1},
	}}
	compareAddrs := cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(reading{}, peerReading{}), compareAddrs); diff != "" {
		t.Error(diff)
	}
}

func FuzzReading(f *testing.F) {
	f.Add([]byte("listen_port=1\npublic_key=00\nendpoint=1.2.3.4:5\nrx_bytes=1\n"))
	f.Add([]byte("=\n\nrx_bytes"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r reading
		if n, err := r.Write(text); n != len(text) || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	})
}

func TestKeepaliveFollowsThePart(t *testing.T) {
	for _, tt := range []struct {
		o               StartOptions
		config          uint16
		active, standby uint16
	}{
		{StartOptions{Keepalive: -1}, 0, 0, 0},
		{StartOptions{Keepalive: -1}, 15, 15, 0},
		{StartOptions{Keepalive: 0}, 15, 0, 0},
		{StartOptions{Keepalive: 20}, 15, 20, 0},
		{StartOptions{Keepalive: -1, Warm: true}, 0, 0, standbyKeepalive},
		{StartOptions{Keepalive: -1, Warm: true}, 15, 15, 15},
		{StartOptions{Keepalive: 20, Warm: true}, 0, 20, 20},
		{StartOptions{Keepalive: 1 << 20}, 0, 65535, 0},
	} {
		p := &tunnel.Peer{Keepalive: tt.config}
		if got := tt.o.keepalive(true)(p); got != tt.active {
			t.Errorf("%+v, config %d, active: got %d, want %d", tt.o, tt.config, got, tt.active)
		}
		if got := tt.o.keepalive(false)(p); got != tt.standby {
			t.Errorf("%+v, config %d, standby: got %d, want %d", tt.o, tt.config, got, tt.standby)
		}
	}
}

func TestDeviceLogHasNoAddressAndNoKey(t *testing.T) {
	var out bytes.Buffer
	log := deviceLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), "nl")
	refused := &net.OpError{Op: "write", Addr: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 5}, Err: syscall.EPERM}
	log.Verbosef("%v - sent to %s", "peer(abcd…wxyz)", "192.0.2.1:5")
	log.Errorf("%v - failed: %v", "peer(abcd…wxyz)", refused)
	got := out.String()
	for _, secret := range []string{"192.0.2.1", "abcd"} {
		if strings.Contains(got, secret) {
			t.Errorf("the log has %q in it:\n%s", secret, got)
		}
	}
	if !strings.Contains(got, "tunnel=nl") || !strings.Contains(got, syscall.EPERM.Error()) {
		t.Errorf("got %s", got)
	}
	quiet := deviceLog(slog.New(slog.NewTextHandler(&out, nil)), "nl")
	out.Reset()
	quiet.Errorf("an error")
	if out.Len() != 0 {
		t.Errorf("above debug level: got %q", out.String())
	}
}

func TestErrorsSayWhatWasSeen(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want []error
		text string
	}{
		{&SilenceError{}, []error{ErrUnanswered}, "did not answer"},
		{&SilenceError{Responses: 1}, []error{ErrUnanswered}, "authenticate"},
		{&SilenceError{Cookies: 1}, []error{ErrUnanswered}, "load"},
		{&SilenceError{Err: syscall.EPERM}, []error{ErrUnanswered, syscall.EPERM}, syscall.EPERM.Error()},
		{&ResolveError{Host: "h"}, []error{ErrResolve}, "resolve h"},
		{&ResolveError{Host: "h", Err: net.ErrClosed}, []error{ErrResolve, net.ErrClosed}, "resolve h"},
	} {
		for _, want := range tt.want {
			if !errors.Is(tt.err, want) {
				t.Errorf("%v is not %v", tt.err, want)
			}
		}
		if !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("got %q, want %q in it", tt.err, tt.text)
		}
	}
}
