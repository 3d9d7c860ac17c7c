package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"holdfast/service/event"
)

// folderFaults are those of the folders.
func folderFaults() []breakage {
	toml := func(l *laboratory) string { return filepath.Join(l.s.config, "holdfast.toml") }
	kept := func(l *laboratory) string { return filepath.Join(l.dir, "kept") }
	return []breakage{
		{name: "the configuration folder read-only", dead: true, ends: works,
			breaks:  func(l *laboratory) { l.readOnly(l.s.config) },
			repairs: func(l *laboratory) { l.writable(l.s.config) }},
		{name: "the configuration folder gone", dead: true, ends: shut, notice: event.CodeTargetGone,
			breaks: func(l *laboratory) { l.move(l.s.config, kept(l)) },
			repairs: func(l *laboratory) {
				l.s.kill()
				_ = os.RemoveAll(l.s.config)
				l.move(kept(l), l.s.config)
				l.s.run()
			}},
		{name: "a tunnel's configuration damaged", dead: true, ends: works, notice: event.CodeConfigUnreadable,
			breaks: func(l *laboratory) {
				l.move(filepath.Join(l.s.config, "a.conf"), kept(l))
				l.write(filepath.Join(l.s.config, "a.conf"), "[Interface]\nnonsense\n")
			},
			repairs: func(l *laboratory) {
				l.s.kill()
				l.move(kept(l), filepath.Join(l.s.config, "a.conf"))
				l.s.run()
			}},
		{name: "holdfast.toml damaged", dead: true, ends: refuses,
			breaks:  func(l *laboratory) { l.move(toml(l), kept(l)); l.write(toml(l), "[settings\nguard = ") },
			repairs: func(l *laboratory) { l.move(kept(l), toml(l)) }},
		{name: "holdfast.toml emptied", dead: true, ends: shut, notice: event.CodeTargetGone,
			breaks: func(l *laboratory) { l.move(toml(l), kept(l)); l.write(toml(l), "") },
			repairs: func(l *laboratory) {
				l.s.kill()
				l.move(kept(l), toml(l))
				l.s.run()
			}},
		{name: "the state folder read-only", dead: true, ends: works, notice: event.CodeHistoryNotKept,
			breaks:  func(l *laboratory) { l.readOnly(l.s.state) },
			repairs: func(l *laboratory) { l.s.kill(); l.writable(l.s.state); l.s.run() }},
	}
}

// readOnly has a folder be on a file system that nobody can write to.
func (l *laboratory) readOnly(dir string) {
	l.t.Helper()
	l.sh("", "mount", "--bind", dir, dir)
	l.t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	l.sh("", "mount", "-o", "remount,ro,bind", dir)
}

func (l *laboratory) writable(dir string) {
	l.t.Helper()
	l.sh("", "umount", "-l", dir)
}

func (l *laboratory) move(from, to string) {
	l.t.Helper()
	if err := os.Rename(from, to); err != nil {
		l.t.Fatal(err)
	}
}

func (l *laboratory) write(path, text string) {
	l.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// socketFaults take the socket's place.
func socketFaults() []breakage {
	away := func(l *laboratory) { _ = os.RemoveAll(l.s.socket) }
	taken := func(name string, by func(l *laboratory) error) breakage {
		return breakage{name: name, dead: true, ends: refuses, repairs: away, breaks: func(l *laboratory) {
			away(l)
			if err := by(l); err != nil {
				l.t.Fatal(err)
			}
		}}
	}
	return []breakage{
		taken("a folder in the socket's place", func(l *laboratory) error { return os.Mkdir(l.s.socket, 0o755) }),
		taken("a file in the socket's place", func(l *laboratory) error { return os.WriteFile(l.s.socket, nil, 0o600) }),
		taken("a link in the socket's place", func(l *laboratory) error { return os.Symlink("/dev/null", l.s.socket) }),
		{name: "the socket's folder another user's", dead: true, ends: refuses,
			breaks:  func(l *laboratory) { _ = os.Chown(filepath.Dir(l.s.socket), 65534, 65534) },
			repairs: func(l *laboratory) { _ = os.Chown(filepath.Dir(l.s.socket), 0, 0) }},
		{name: "the socket's folder gone", dead: true, ends: works,
			breaks: func(l *laboratory) { _ = os.RemoveAll(filepath.Dir(l.s.socket)) }},
	}
}

// bootFaults have the machine start anew: nothing of the guard is in force until
// the unit for the early boot has run, and then nothing leaves.
func bootFaults() []breakage {
	boots := func(name string, ends ending, notice event.Code, breaks, repairs func(l *laboratory)) breakage {
		return breakage{name: "the machine starts anew" + name, dead: true, ends: ends, notice: notice, repairs: repairs,
			breaks: func(l *laboratory) {
				if breaks != nil {
					breaks(l)
				}
				l.boot()
			}}
	}
	toml := func(l *laboratory) string { return filepath.Join(l.s.config, "holdfast.toml") }
	kept := func(l *laboratory) string { return filepath.Join(l.dir, "kept") }
	emptied := damages()[0]
	return []breakage{
		boots("", works, "", nil, nil),
		boots(" and the wish is damaged", shut, event.CodeWishDamaged, spoil(emptied, "wish.json", "wish.json.1"),
			func(l *laboratory) { l.s.cli("up", "g") }),
		boots(" and the history is damaged", works, event.CodeHistoryDamaged, spoil(emptied, "holdfast.db"), nil),
		boots(" and holdfast.toml is damaged", refuses, "",
			func(l *laboratory) { l.move(toml(l), kept(l)); l.write(toml(l), "[settings\nguard = ") },
			func(l *laboratory) { l.move(kept(l), toml(l)) }),
		boots(" and the state folder is read-only", works, event.CodeHistoryNotKept,
			func(l *laboratory) { l.readOnly(l.s.state) },
			func(l *laboratory) { l.s.kill(); l.writable(l.s.state); l.s.run() }),
		boots(" and the network comes up late", shut, "",
			func(l *laboratory) { l.ip(l.client, "link set eth0 down"); l.ip(l.client, "link set eth1 down") }, (*laboratory).networkUp),
	}
}

// boot takes away what no machine has when it starts, and runs what the unit for
// the early boot runs. Meanwhile the flood rests: there is no network yet.
func (l *laboratory) boot() {
	l.t.Helper()
	cell := l.cell
	l.leave()
	l.near.Hold(nil)
	inClient(`
		nft delete table inet holdfast
		nft delete table arp holdfast
		ip link del holdfast0
		ip rule del priority 26726
		ip rule del priority 26727
		ip rule del priority 26728
		ip -6 rule del priority 26726
		ip -6 rule del priority 26727
		ip -6 rule del priority 26728
		ip route flush table all proto 104
		ip -6 route flush table all proto 104`)(l)
	l.sh(l.client, programs.holdfastd, "seal", "--config-dir", l.s.config, "--state-dir", l.s.state)
	l.near.Hold(l.allowed(&state{}))
	l.flood.Enter(cell)
	l.rest(300 * time.Millisecond)
}
