package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// small is a job for Linux with texts in the place of programs, so that packages
// are made in no time.
func small(t *testing.T) *linuxJob {
	t.Helper()
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := &linuxJob{job: &job{
		release: release{Version: "1.2.3+4", Commit: "0123abc", Made: time.Date(2026, 11, 30, 4, 0, 1, 0, time.UTC)},
		target:  target{"linux", "amd64"},
		root:    root, dir: t.TempDir(), out: t.TempDir(),
	}, glibc: "2.34"}
	l.shared = tree{
		"bin/holdfast":                  file{0o755, []byte("a program")},
		zshCompletion:                   text("a script"),
		"share/man/man8/holdfastd.8.gz": text(squeeze("a page")),
	}
	l.legal = legal{{name: "a part", version: "1", licence: "MIT", text: "its licence"}}
	return l
}

// makeSmall makes all kinds of package, and the list of sums.
func makeSmall(t *testing.T) *linuxJob {
	t.Helper()
	l := small(t)
	for _, step := range []error{l.deb(t.Context()), l.rpm(t.Context()), l.tarball(t.Context()), writeSums(l.out)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	return l
}

func TestPackagesAreTheSameTwice(t *testing.T) {
	one, two := makeSmall(t), makeSmall(t)
	entries, err := os.ReadDir(one.out)
	if err != nil || len(entries) != 4 {
		t.Fatalf("made %v, %v, want three packages and a list", entries, err)
	}
	for _, e := range entries {
		a, errA := os.ReadFile(filepath.Join(one.out, e.Name()))
		b, errB := os.ReadFile(filepath.Join(two.out, e.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", e.Name(), errA, errB)
		}
	}
}

// TestSigned signs with a key of its own, and has gpg look at the signatures.
func TestSigned(t *testing.T) {
	for _, program := range []string{"gpg", "gpgconf", "ar", "rpm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	// The path of the agent's socket must be short.
	home, err := os.MkdirTemp("/tmp", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	t.Setenv("GNUPGHOME", home)
	defer func() { _ = exec.Command("gpgconf", "--kill", "all").Run() }()
	do := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	const secret = "open, please"
	quiet := []string{"--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", secret}
	do("gpg", append(quiet, "--quick-generate-key", "Tests of Holdfast", "rsa3072", "sign", "never")...)
	key := filepath.Join(home, "secret.asc")
	do("gpg", append(quiet, "--armor", "--output", key, "--export-secret-keys")...)
	public := filepath.Join(home, "public.asc")
	do("gpg", "--armor", "--output", public, "--export")
	t.Setenv(keyVariable, key)
	t.Setenv(passphraseVariable, secret)

	l := makeSmall(t)
	if err := signSums(t.Context(), l.out); err != nil {
		t.Fatal(err)
	}
	sums := filepath.Join(l.out, sumsName)
	do("gpg", "--verify", sums+".asc", sums)
	if err := os.WriteFile(sums, []byte("tampered\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gpg", "--verify", sums+".asc", sums).CombinedOutput(); err == nil {
		t.Errorf("a list that was tampered with is taken: %s", out)
	}

	parts := t.TempDir()
	cmd := exec.Command("ar", "x", filepath.Join(l.out, "holdfast_1.2.3+4-1_amd64.deb"))
	cmd.Dir = parts
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unpack the deb: %v\n%s", err, out)
	}
	whole := filepath.Join(parts, "whole")
	do("sh", "-c", `cd "$1" && cat debian-binary control.tar.gz data.tar.gz > whole`, "sh", parts)
	do("gpg", "--verify", filepath.Join(parts, "_gpgorigin"), whole)

	keys := filepath.Join(home, "rpm")
	do("rpmkeys", "--dbpath", keys, "--import", public)
	if out := do("rpmkeys", "--dbpath", keys, "-K", "-v", filepath.Join(l.out, "holdfast-1.2.3+4-1.x86_64.rpm")); !strings.Contains(out, "Signature") || strings.Contains(out, "NOKEY") {
		t.Errorf("rpm says of the signature: %s", out)
	}
}

// TestManualNamesEveryOption holds the manual that is written by hand against the
// programs.
func TestManualNamesEveryOption(t *testing.T) {
	l := small(t)
	option := regexp.MustCompile(`(?m)^ +(?:-\w, )?(--?[a-z][a-z-]+)`)
	for page, command := range map[string][]string{
		"holdfastd.8":     {"./service", "run", "--help"},
		"holdfast-tray.1": {"./app/tray", "-help"},
	} {
		cmd := exec.Command("go", append([]string{"run"}, command...)...)
		cmd.Dir = l.root
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		text := strings.ReplaceAll(l.fill(page), `\-`, "-")
		found := option.FindAllStringSubmatch(string(out), -1)
		if len(found) < 4 {
			t.Errorf("%v names hardly an option: %s", command, out)
		}
		for _, m := range found {
			if m[1] != "--help" && !strings.Contains(text, m[1]) {
				t.Errorf("%s does not name %s", page, m[1])
			}
		}
	}
}

func TestLaterGlibc(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"2.34", "", true}, {"2.34", "2.4", true}, {"2.4", "2.34", false}, {"3.0", "2.34", true}, {"2.34", "2.34", false}, {"2.2.5", "2.34", false}} {
		if got := laterGlibc(tt.a, tt.b); got != tt.want {
			t.Errorf("%s after %s: got %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}
