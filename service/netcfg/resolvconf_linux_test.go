package netcfg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// resolvconfScript is a program that notes how it was called.
const resolvconfScript = `#!/bin/sh
log=%LOG%
echo "args:$* env:$(/usr/bin/env | /bin/grep -cvE '^(PWD|SHLVL|_|OLDPWD)=')" >>$log
[ "$1" = -a ] && while read -r line; do echo "in:$line" >>$log; done
[ ! -e $log.fail ]
`

func TestResolvconf(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	o := testOptions(t)
	log := filepath.Join(t.TempDir(), "log")
	o.Resolvconf = filepath.Join(t.TempDir(), "resolvconf")
	script := []byte(strings.ReplaceAll(resolvconfScript, "%LOG%", log))
	if err := os.WriteFile(o.Resolvconf, script, 0o755); err != nil {
		t.Fatal(err)
	}
	m := New(o)
	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
	mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
	if got := m.DNSBackend(); got != "resolvconf" {
		t.Errorf("backend %q", got)
	}
	mustApply(t, New(o), withDNS(splitTunnel(), "10.8.0.9"))
	if err := New(o).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := "in:" + resolvConfHeader
	want := "args:-a hf0 -m 0 -x env:0\n" + in + "in:nameserver 10.8.0.1\nin:search example.com\n" +
		"args:-a hf0 -m 0 -x env:0\n" + in + "in:nameserver 10.8.0.9\nin:search example.com\n" +
		"args:-d hf0 env:0\n"
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	if err := os.WriteFile(log+".fail", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t)
	if err := New(o).Apply(t.Context(), withDNS(fullTunnel(), "10.8.0.1")); err == nil {
		t.Fatal("its failure is no error")
	}
	if err := os.Remove(log + ".fail"); err != nil {
		t.Fatal(err)
	}
	if err := New(o).Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	listingBecomes(t, listing, before)
}

// Servers of which resolvconf may not have heard are told again.
func TestResolvconfIsToldAgain(t *testing.T) {
	ownNamespace(t)
	openTun(t, "hf0")
	o := testOptions(t)
	log := filepath.Join(t.TempDir(), "log")
	o.Resolvconf = filepath.Join(t.TempDir(), "resolvconf")
	script := []byte(strings.ReplaceAll(resolvconfScript, "%LOG%", log))
	if err := os.WriteFile(o.Resolvconf, script, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log+".fail", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m := New(o)
	for range 2 { // neither setting nor taking back succeeds
		if err := m.Apply(t.Context(), withDNS(fullTunnel(), "10.8.0.1")); err == nil {
			t.Fatal("its failure is no error")
		}
	}
	if err := os.Remove(log + ".fail"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Manager{m, New(o)} {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		mustApply(t, m, withDNS(fullTunnel(), "10.8.0.1"))
		got, err := os.ReadFile(log)
		if err != nil || !strings.HasPrefix(string(got), "args:-a hf0 ") {
			t.Fatalf("it was not told: %s %v", got, err)
		}
	}
	mustClear(t, m)
}
