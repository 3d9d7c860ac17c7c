package netcfg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The child process of TestKilled gets these.
const (
	childDir  = "HOLDFAST_TEST_NETCFG_DIR"
	childConf = "HOLDFAST_TEST_NETCFG_CONF"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, applyForEver(dir, os.Getenv(childConf)))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// applyForEver moves between specs until it is killed.
func applyForEver(dir, conf string) error {
	m := New(Options{StateDir: dir, ResolvConf: conf, Resolvconf: "none"})
	fmt.Println("begun")
	for {
		for _, s := range []Spec{
			withDNS(fullTunnel(), "10.8.0.1"), splitTunnel(), withDNS(splitTunnel(), "10.8.0.9"),
			sealed(everything, testMark), closed(withDNS(fullTunnel(), "10.8.0.1"), nil),
			sealed(splitTunnel().Routes, 0), closed(splitTunnel(), everything),
		} {
			if err := set(context.Background(), m, s); err != nil {
				return err
			}
		}
		if err := m.Clear(context.Background()); err != nil {
			return err
		}
	}
}

// set applies a Spec, or the seal that it is.
func set(ctx context.Context, m *Manager, s Spec) error {
	if s.isSeal() {
		return m.Seal(ctx, s.Carry, s.Mark)
	}
	return m.Apply(ctx, s)
}

// Whenever the process is killed, the next one puts everything back.
func TestKilled(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	o := testOptions(t)
	if err := os.WriteFile(o.ResolvConf, []byte("nameserver 192.0.2.1\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	before, files := listing(t), folder(t, o)
	kills := 50
	if testing.Short() {
		kills = 5
	}
	found := 0
	for i := range kills {
		killChild(t, o, time.Duration(rand.IntN(60_000))*time.Microsecond)
		if listing(t) != before {
			found++
		}
		switch i % 3 { // the next process may also begin with another tunnel, or a seal
		case 1:
			mustApply(t, New(o), withDNS(splitTunnel(), "10.8.0.7"))
		case 2:
			mustSeal(t, New(o), everything)
		}
		if err := New(o).Recover(t.Context()); err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		listingBecomes(t, listing, before)
		if got := folder(t, o); got != files {
			t.Fatalf("kill %d: files:\n%s\nwant:\n%s", i, got, files)
		}
	}
	t.Logf("%d of %d kills left something", found, kills)
	if err := New(o).Recover(t.Context()); err != nil {
		t.Error("with nothing left:", err)
	}
	listingBecomes(t, listing, before)
}

// killChild runs applyForEver in the test's namespace for a time.
func killChild(t *testing.T, o Options, after time.Duration) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childDir+"="+o.StateDir, childConf+"="+o.ResolvConf)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal("the child does not begin:", err, stderr.String())
	}
	<-time.After(after)
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); errors.As(err, new(*exec.ExitError)) && stderr.Len() > 0 {
		t.Fatal("the child failed by itself:", stderr.String())
	}
}

// folder describes the files that are not in StateDir, with their modes.
func folder(t *testing.T, o Options) string {
	t.Helper()
	dir := strings.TrimSuffix(o.ResolvConf, "/resolv.conf")
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range list {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if f.IsDir() {
			continue
		}
		target, _ := os.Readlink(dir + "/" + f.Name())
		text, _ := os.ReadFile(dir + "/" + f.Name())
		fmt.Fprintf(&b, "%s %v %s %q\n", f.Name(), info.Mode(), target, text)
	}
	state, err := os.ReadDir(o.StateDir)
	if err == nil {
		for _, f := range state {
			fmt.Fprintf(&b, "state/%s\n", f.Name())
		}
	}
	return b.String()
}

func TestRecover(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after func(t *testing.T, tun *os.File, o Options)
	}{
		{"as it was left", func(*testing.T, *os.File, Options) {}},
		{"with the interface gone", func(t *testing.T, tun *os.File, _ Options) {
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		{"with the interface made anew", func(t *testing.T, tun *os.File, _ Options) {
			if err := tun.Close(); err != nil {
				t.Fatal(err)
			}
			openTun(t, "hf0")
		}},
		{"with a part undone by somebody", func(t *testing.T, _ *os.File, _ Options) {
			run(t, "ip rule del priority 26726")
			run(t, "ip addr flush dev hf0")
			run(t, "ip link set hf0 down")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ownNamespace(t)
			tun := openTun(t, "hf0")
			o := testOptions(t)
			before := listing(t)
			mustApply(t, New(o), withDNS(fullTunnel(), "10.8.0.1"))
			tt.after(t, tun, o)
			for range 2 {
				if err := New(o).Recover(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			got := listing(t)
			if tt.name == "with the interface gone" {
				openTun(t, "hf0")
				got = listing(t)
			}
			sameListing(t, withoutIndex(got), withoutIndex(before))
			if files := folder(t, o); files != "" {
				t.Errorf("files are left: %s", files)
			}
		})
	}
}

// Rules and routes are found by their numbers where the journal is lost.
func TestRecoverWithoutJournal(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"lost":    os.Remove,
		"spoiled": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			ownNamespace(t)
			tun := openTun(t, "hf0")
			o := testOptions(t)
			mustSeal(t, New(o), splitTunnel().Routes)
			mustApply(t, New(o), closed(fullTunnel(), splitTunnel().Routes))
			if err := errors.Join(spoil(o.StateDir+"/"+journalName), tun.Close()); err != nil {
				t.Fatal(err)
			}
			if err := New(o).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{"ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all"} {
				if got := run(t, line); strings.Contains(got, "26726") || strings.Contains(got, "proto 104") {
					t.Errorf("%s: %s", line, got)
				}
			}
		})
	}
}

// After a restart of the machine only the file is left to put back.
func TestRecoverAfterReboot(t *testing.T) {
	ownNamespace(t)
	tun := openTun(t, "hf0")
	o := testOptions(t)
	if err := os.WriteFile(o.ResolvConf, []byte("nameserver 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustApply(t, New(o), withDNS(fullTunnel(), "10.8.0.1"))
	path := o.StateDir + "/" + journalName
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), bootID(), "another"))
	if err := errors.Join(os.WriteFile(path, text, 0o600), tun.Close()); err != nil {
		t.Fatal(err)
	}
	if err := New(o).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(o.ResolvConf); err != nil || string(got) != "nameserver 192.0.2.1\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
