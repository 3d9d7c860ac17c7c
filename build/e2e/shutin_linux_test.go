package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/installer/linux"
)

// TestWhatTheUnitGives runs the service with the capabilities that the unit
// leaves it, and with nothing to write but what the unit lets it, where no systemd
// need run. What is given is read from the unit itself.
func TestWhatTheUnitGives(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv of util-linux")
	}
	unit := linux.Text(linux.Service, programs.holdfastd)
	if got := values(unit, "ProtectSystem"); len(got) != 1 || got[0] != "strict" {
		t.Fatalf("ProtectSystem is %v; this test knows only strict", got)
	}
	w := newWorld(t, "a")
	file := w.resolvConf(resolv)
	w.sh(w.client, "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
	s := w.prepare()
	var writable []string
	for _, path := range values(unit, "ReadWritePaths") {
		writable = append(writable, strings.TrimPrefix(path, "-"))
	}
	// The folders that systemd makes, which this test has elsewhere.
	for _, dir := range []string{s.config, s.state, filepath.Dir(s.socket)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		writable = append(writable, dir)
	}
	var capabilities []string
	for _, c := range values(unit, "CapabilityBoundingSet") {
		capabilities = append(capabilities, "+"+strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	const shutIn = `set -e
mount --make-rprivate /
mount -o remount,ro /sys
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
for dir in $1; do mount --rbind "$dir" "$dir"; mount -o remount,rw,bind "$dir"; done
mount -o remount,ro,bind /
grep -q "the network's own" /etc/resolv.conf
for dir in /usr /var/lib /proc/sys/kernel/hostname; do test ! -w "$dir"; done
shift
exec "$@"`
	s.p = w.start(w.client, nil, "unshare", "--mount", "sh", "-c", shutIn, "sh", strings.Join(writable, " "),
		"setpriv", "--bounding-set=-all,"+strings.Join(capabilities, ","), "--no-new-privs", "--",
		programs.holdfastd, "run", "--config-dir", s.config, "--state-dir", s.state, "--socket", s.socket)
	w.until("holdfastd to answer", 15*time.Second, s.answers)

	conf := filepath.Join(w.dir, "a.conf")
	text := strings.Replace(w.servers[0].conf(), "[Peer]", "ListenPort = 443\nDNS = 10.77.0.1\n[Peer]", 1)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli("tunnel", "import", conf)
	before := w.network(t)
	s.cli("up", "a")
	w.flowing(w.ping(200*time.Millisecond), 10*time.Second)
	if dns, _ := os.ReadFile(file); !strings.Contains(string(dns), "nameserver 10.77.0.1") {
		t.Errorf("resolv.conf while up is %q, want the tunnel's DNS", dns)
	}
	s.cli("down")
	if after := w.network(t); after != before {
		t.Errorf("after down the system differs.\nbefore:\n%s\nafter:\n%s", before, after)
	}
	if dns, _ := os.ReadFile(file); string(dns) != resolv {
		t.Errorf("resolv.conf after down is %q, want %q", dns, resolv)
	}
	for line := range strings.Lines(s.p.out.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			t.Errorf("holdfastd says: %s", line)
		}
	}
}

// values are the words that a unit gives a key.
func values(unit, key string) (out []string) {
	for line := range strings.Lines(unit) {
		if text, found := strings.CutPrefix(line, key+"="); found {
			out = append(out, strings.Fields(text)...)
		}
	}
	return out
}
