package netcfg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// marker begins the payload of every packet of a flood; its label follows.
var marker = []byte("holdfast-netcfg-flood")

// far is the far end of eth0's cable, in a namespace of its own, where every
// packet of a flood that left is counted.
type far struct {
	seen    [256]atomic.Int64 // by label
	capture *os.File
	ended   sync.WaitGroup
}

// farEnd takes the cable's other end away, and captures what comes out of it.
func farEnd(t *testing.T) *far {
	t.Helper()
	entered, cabled, ready := make(chan int), make(chan bool), make(chan *os.File)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			close(entered)
			return
		}
		entered <- unix.Gettid()
		if !<-cabled {
			return
		}
		defer close(ready)
		for _, line := range []string{
			"ip link set peer0 up", "ip addr add 192.0.2.1/24 dev peer0", "ip addr add 2001:db8::1/64 dev peer0 nodad",
		} {
			run(t, line)
		}
		c, err := openCapture("peer0")
		if err != nil {
			t.Error(err)
			return
		}
		ready <- c
	}()
	tid, ok := <-entered
	if !ok {
		t.Skip("needs a second network namespace")
	}
	run(t, "ip link set peer0 netns "+strconv.Itoa(tid))
	cabled <- true
	c, ok := <-ready
	if !ok {
		t.FailNow()
	}
	cableIsUp(t)
	f := &far{capture: c}
	f.ended.Go(f.count)
	t.Cleanup(func() {
		_ = c.Close()
		f.ended.Wait()
	})
	return f
}

// openCapture opens a socket that gets every packet that comes in by an interface.
func openCapture(iface string) (*os.File, error) {
	all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1), // ICMP quotes what it refuses
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index}),
	)
	return os.NewFile(uintptr(fd), iface), err
}

// count reads packets until the capture is closed.
func (f *far) count() {
	buf := make([]byte, 4096)
	for {
		n, err := f.capture.Read(buf)
		if err != nil {
			return
		}
		if i := bytes.Index(buf[:n], marker); i >= 0 && i+len(marker) < n {
			f.seen[buf[i+len(marker)]].Add(1)
		}
	}
}

// missed says how many packets the capture could not take.
func (f *far) missed(t *testing.T) (n uint32) {
	t.Helper()
	raw, err := f.capture.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil {
			t.Error(err)
			return
		}
		n = stats.Drops
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flood sends packets without a pause from every socket, each with the label of
// the moment.
type flood struct {
	mu    sync.RWMutex // held while a packet is labelled and sent
	label byte
	sent  [256]atomic.Int64 // taken by the system, by label
	tried [256]atomic.Int64
	stop  chan struct{}
	ended sync.WaitGroup
}

// startFlood floods each destination by a socket that is connected to it, as an
// old flow is, and by one that is not.
func startFlood(t *testing.T, to ...string) *flood {
	t.Helper()
	f := &flood{stop: make(chan struct{})}
	for _, dst := range to {
		at := netip.AddrPortFrom(netip.MustParseAddr(dst), 9)
		connected, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		loose, err := net.ListenUDP("udp", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = connected.Close(), loose.Close() })
		f.ended.Go(func() { f.send(connected.Write) })
		f.ended.Go(func() { f.send(func(b []byte) (int, error) { return loose.WriteToUDPAddrPort(b, at) }) })
	}
	t.Cleanup(f.end)
	return f
}

func (f *flood) send(write func([]byte) (int, error)) {
	packet := append(bytes.Clone(marker), 0)
	pause := time.NewTicker(200 * time.Microsecond)
	defer pause.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-pause.C:
		}
		f.mu.RLock()
		packet[len(marker)] = f.label
		f.tried[f.label].Add(1)
		if _, err := write(packet); err == nil {
			f.sent[f.label].Add(1)
		}
		f.mu.RUnlock()
	}
}

// end stops the senders; what they sent is on its way by then.
func (f *flood) end() {
	select {
	case <-f.stop:
	default:
		close(f.stop)
	}
	f.ended.Wait()
}

// relabel gives every packet a label from now on.
func (f *flood) relabel(label byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.label = label
}

// during floods under a label, and returns after many packets more.
func (f *flood) during(t *testing.T, label byte, many int64) {
	t.Helper()
	from := f.tried[label].Load()
	f.relabel(label)
	eventually(t, "packets to be sent", func() bool { return f.tried[label].Load() >= from+many })
}

// control floods while nothing is kept in: 99 % must be seen, else what is not
// seen shows nothing. At first the system has yet to find its neighbours.
func (f *flood) control(t *testing.T, c *far) {
	t.Helper()
	const first, last = 100, 120
	for label := byte(first); ; label++ {
		if c.seen[label].Load() > 0 {
			continue // it was an earlier one's
		}
		f.during(t, label, 1000)
		f.relabel(0)
		var seen, sent int64
		for range 100 {
			seen, sent = c.seen[label].Load(), f.sent[label].Load()
			if seen >= sent*99/100 {
				t.Logf("control: %d of %d packets are seen", seen, sent)
				return
			}
			<-time.After(10 * time.Millisecond)
		}
		if label == last {
			t.Fatalf("control: %d of %d packets are seen, want 99 %%", seen, sent)
		}
	}
}
