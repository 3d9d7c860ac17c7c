package e2e

import (
	"bytes"
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
)

// breakage is what breaks the service, while the wish is on and the flood runs.
type breakage struct {
	name string
	// breaks breaks it; where dead is set, the service has been killed before,
	// and is started after it.
	breaks func(l *laboratory)
	dead   bool
	// ends says how it must end before it is repaired.
	ends ending
	// notice is what the person is told. "": nothing is amiss.
	notice event.Code
	// repairs undoes it. nil: nothing is to be undone.
	repairs func(l *laboratory)
}

// ending is what a service is like that was broken.
type ending string

// The endings.
const (
	works   ending = "works"   // the tunnel carries
	shut    ending = "shut"    // it runs, and nothing leaves
	refuses ending = "refuses" // it does not start, and nothing leaves
)

// TestLeakFaults breaks the service in every way that its disk, its files, its
// socket, its clock and other programs can. Each time it ends working or shut,
// says what is amiss, and nothing leaves.
func TestLeakFaults(t *testing.T) {
	t.Parallel()
	l := newLaboratory(t)
	l.pour(floodRate / 5)
	l.control(time.Second)
	l.s = l.serviceOn("4m")
	l.begin("guard=auto")
	var rows strings.Builder
	for _, f := range breakages() {
		if strings.Contains(f.name, *onlyHarms) {
			l.suffer(&f, &rows)
		}
	}
	found(40, "\n## What breaks\n\nThe wish is on and the flood runs. The service *works*: the tunnel carries; is *shut*: it runs, and nothing leaves;\n*refuses*: it says why and does not start, and nothing leaves.\n\n"+
		"| fault | it | tells | sent | left beside the tunnel |\n|---|---|---|---|---|\n%s", rows.String())
	l.near.Hold(nil)
	l.s.cli("settings", "set", "guard=off")
	l.s.cli("down")
	l.control(time.Second)
	l.complete()
}

// suffer goes through one fault.
func (l *laboratory) suffer(f *breakage, rows *strings.Builder) {
	l.t.Helper()
	began := time.Now()
	l.near.Strays()
	l.near.Hold(l.allowed(&state{}))
	cell := l.enter()
	if f.dead {
		l.s.kill()
	}
	f.breaks(l)
	switch f.ends {
	case works:
		if f.dead {
			l.s.run()
		}
		l.connected()
	case shut:
		if f.dead {
			l.s.run()
		}
		l.rest(500 * time.Millisecond)
	case refuses:
		l.s.exec()
		l.until("holdfastd to refuse to start", 10*time.Second, func() bool {
			select {
			case <-l.s.p.ended:
				return true
			default:
				return false
			}
		})
		l.rest(300 * time.Millisecond)
	}
	if f.notice == event.CodeHistoryNotKept {
		l.writeMuch() // what is written first may still have room
	}
	if f.notice != "" {
		l.until("the notice "+string(f.notice), 10*time.Second, func() bool { return l.told(f.notice) })
	}
	if f.repairs != nil {
		f.repairs(l)
	}
	if f.ends == refuses {
		l.s.run()
	}
	l.connected()
	l.leave()
	got := l.nothing(cell, f.name)
	line(rows, []string{f.name, string(f.ends), cmp.Or(string(f.notice), "–"), thousands(got.tried), strconv.Itoa(got.leaked())})
	l.t.Logf("%-50s %s: %d packets, %d left beside the tunnel, in %v", f.name, f.ends, got.tried, got.leaked(), time.Since(began).Round(10*time.Millisecond))
}

// told says that a notice is open.
func (l *laboratory) told(code event.Code) bool {
	for _, n := range l.s.status().Notices {
		if n.Code == code {
			return true
		}
	}
	return false
}

// breakages are all of them.
func breakages() []breakage {
	var all []breakage
	for _, list := range [][]breakage{processFaults(), wishFaults(), historyFaults(), folderFaults(), socketFaults(), bootFaults()} {
		all = append(all, list...)
	}
	return all
}

// processFaults are what happens to the process, its disk and its network.
func processFaults() []breakage {
	return []breakage{
		{name: "stopped for three seconds", ends: works, breaks: func(l *laboratory) {
			_ = syscall.Kill(l.s.pid(), syscall.SIGSTOP)
			l.rest(3 * time.Second)
			_ = syscall.Kill(l.s.pid(), syscall.SIGCONT)
		}},
		{name: "a second service started", ends: works, breaks: func(l *laboratory) {
			p := l.start(l.client, nil, programs.holdfastd, "run", "--config-dir", l.s.config, "--state-dir", l.s.state, "--socket", l.s.socket)
			l.until("the second service to end", 10*time.Second, func() bool {
				select {
				case <-p.ended:
					return true
				default:
					return false
				}
			})
		}},
		{name: "started before the network is up", dead: true, ends: shut,
			breaks:  func(l *laboratory) { l.ip(l.client, "link set eth0 down"); l.ip(l.client, "link set eth1 down") },
			repairs: (*laboratory).networkUp},
		{name: "started without any network", dead: true, ends: shut,
			breaks: func(l *laboratory) {
				l.ip(l.client, "link set eth0 down")
				l.ip(l.client, "link set eth1 down")
				l.ip(l.client, "addr flush dev eth0")
				l.ip(l.client, "addr flush dev eth1")
			},
			repairs: (*laboratory).networkUp},
		{name: "the disk is full", ends: works, notice: event.CodeHistoryNotKept, breaks: (*laboratory).fillDisk,
			repairs: func(l *laboratory) { _ = os.Remove(filepath.Join(l.s.state, "fill")) }},
		{name: "started on a full disk", dead: true, ends: works, notice: event.CodeHistoryNotKept, breaks: (*laboratory).fillDisk,
			repairs: func(l *laboratory) { _ = os.Remove(filepath.Join(l.s.state, "fill")) }},
	}
}

func (l *laboratory) networkUp() {
	l.t.Helper()
	l.ip(l.client, "link set eth0 up")
	l.ip(l.client, "link set eth1 up")
	inClient(`
		ip addr add 10.200.0.2/24 dev eth0
		ip addr add fd00:c::2/64 dev eth0 nodad
		ip addr add 10.201.0.2/24 dev eth1
		ip addr add fd00:d::2/64 dev eth1 nodad
		ip route add default via 10.200.0.1 dev eth0 metric 100
		ip route add default via 10.201.0.1 dev eth1 metric 200
		ip -6 route add default via fd00:c::1 dev eth0
		ip -6 route add default via fd00:d::1 dev eth1 metric 2048`)(l)
}

// fillDisk fills the file system of the state folder.
func (l *laboratory) fillDisk() {
	_, _ = l.try("", "dd", "if=/dev/zero", "of="+filepath.Join(l.s.state, "fill"), "bs=1k")
}

// writeMuch has the service write to its history until that fails.
func (l *laboratory) writeMuch() {
	for i := range 400 {
		if l.told(event.CodeHistoryNotKept) {
			return
		}
		l.moveTo(tunnel.Name("ba"[i%2 : i%2+1]))
	}
}

// damage is what may have become of a file.
type damage struct {
	name string
	of   func([]byte) []byte // nil: the file is gone
}

func damages() []damage {
	flip := func(b []byte) []byte {
		b = bytes.Clone(b)
		rng := rand.New(rand.NewPCG(3, 4))
		for range max(1, len(b)/50) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		return b
	}
	return []damage{
		{"emptied", func([]byte) []byte { return nil }},
		{"cut in half", func(b []byte) []byte { return b[:len(b)/2] }},
		{"with bits flipped", flip},
		{"overwritten with zeros", func(b []byte) []byte { return make([]byte, len(b)) }},
		{"overwritten with text", func(b []byte) []byte { return bytes.Repeat([]byte("holdfast\n"), len(b)/9+1) }},
	}
}

// spoil damages files of the state folder. Each is made anew, since one that is
// only cut may be the one that is still open somewhere.
func spoil(d damage, names ...string) func(*laboratory) {
	return func(l *laboratory) {
		l.t.Helper()
		for _, name := range names {
			path := filepath.Join(l.s.state, name)
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.Remove(path)
			}
			if err == nil {
				err = os.WriteFile(path, d.of(text), 0o600)
			}
			if err != nil {
				l.t.Fatal(err)
			}
		}
	}
}

// wishFaults damage the kept wish. While one copy is whole nothing is amiss; where
// none is, nobody knows what was wished, and all is kept in until the person says.
func wishFaults() []breakage {
	again := func(l *laboratory) { l.s.cli("up", "g") }
	var all []breakage
	for _, d := range damages() {
		all = append(all,
			breakage{name: "the wish " + d.name, dead: true, ends: works, breaks: spoil(d, "wish.json")},
			breakage{name: "the wish's copy " + d.name, dead: true, ends: works, breaks: spoil(d, "wish.json.1")},
			breakage{name: "both copies of the wish " + d.name, dead: true, ends: shut, notice: event.CodeWishDamaged,
				breaks: spoil(d, "wish.json", "wish.json.1"), repairs: again})
	}
	return append(all,
		breakage{name: "the wish gone", dead: true, ends: works, breaks: func(l *laboratory) { _ = os.Remove(filepath.Join(l.s.state, "wish.json")) }},
		breakage{name: "the wish's copy gone", dead: true, ends: works, breaks: func(l *laboratory) { _ = os.Remove(filepath.Join(l.s.state, "wish.json.1")) }},
	)
}

// historyFaults damage the history.
func historyFaults() []breakage {
	var all []breakage
	for _, d := range damages() {
		all = append(all, breakage{name: "the history " + d.name, dead: true, ends: works, notice: event.CodeHistoryDamaged,
			breaks: func(l *laboratory) {
				_ = os.Remove(filepath.Join(l.s.state, "holdfast.db-wal"))
				_ = os.Remove(filepath.Join(l.s.state, "holdfast.db-shm"))
				spoil(d, "holdfast.db")(l)
			}})
	}
	return append(all, breakage{name: "the history gone", dead: true, ends: works, notice: event.CodeHistoryDamaged, breaks: func(l *laboratory) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(filepath.Join(l.s.state, "holdfast.db"+suffix))
		}
	}})
}
