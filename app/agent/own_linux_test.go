package agent

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// strangerEnv makes this test program somebody else: it dials the address, sends
// the request and prints what comes.
const strangerEnv = "HOLDFAST_TEST_STRANGER"

func TestMain(m *testing.M) {
	if address := os.Getenv(strangerEnv); address != "" {
		stranger(address)
		return
	}
	os.Exit(m.Run())
}

func stranger(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Print("cannot dial: ", err)
		return
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.Copy(c, os.Stdin)
	reply, err := io.ReadAll(c)
	fmt.Printf("got %d bytes: %s", len(reply), reply)
	if err != nil {
		fmt.Print(" and then ", err)
	}
}

// asAccount runs this program as another account and returns what it printed.
func asAccount(t *testing.T, uid uint32, address, request string) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "stranger")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{strangerEnv + "=" + address}, strings.NewReader(request)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// TestAnotherAccount gets its connection closed without a word, on both families
// of addresses, even with a token and a code that are good.
func TestAnotherAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	r := start(t)
	for _, l := range r.host.listen.listeners {
		address := l.Addr().String()
		for _, text := range []string{page, look, knockIn} {
			request := r.fill(text)
			if got := asAccount(t, 65534, address, request); !strings.HasPrefix(got, "got 0 bytes") {
				t.Errorf("somebody else on %s: %s", address, got)
			}
			if got := asAccount(t, 0, address, request); !strings.Contains(got, "HTTP/1.1 200 OK") {
				t.Errorf("ourselves on %s: %s", address, got)
			}
		}
	}
	if log := r.log.String(); strings.Count(log, "a connection was refused") > len(r.host.listen.listeners) || !strings.Contains(log, "uid 65534") {
		t.Errorf("the log says %s", log)
	}
}

// answerTo is what the kernel says of a socket.
func answerTo(question []byte, uid, inode uint32) []byte {
	a := make([]byte, answerSize)
	copy(a[answerID:], question[questionID:questionID+idSize])
	binary.NativeEndian.PutUint32(a[answerUID:], uid)
	binary.NativeEndian.PutUint32(a[answerInode:], inode)
	return a
}

// TestReadDiag: only an open socket of ours, and the one that was asked for.
func TestReadDiag(t *testing.T) {
	theirs, ours := netip.MustParseAddrPort("127.0.0.1:4000"), netip.MustParseAddrPort("127.0.0.1:7433")
	question := diagQuestion(theirs, ours)
	if err := readDiag(question, answerTo(question, 1000, 5), 1000); err != nil {
		t.Errorf("ours: %v", err)
	}
	for name, answer := range map[string][]byte{
		"another account's":             answerTo(question, 1001, 5),
		"one that listens":              answerTo(diagQuestion(theirs, netip.MustParseAddrPort("0.0.0.0:0")), 1000, 5),
		"one from another address":      answerTo(diagQuestion(netip.MustParseAddrPort("127.0.0.2:4000"), ours), 1000, 5),
		"one to another port":           answerTo(diagQuestion(theirs, netip.MustParseAddrPort("127.0.0.1:7434")), 1000, 5),
		"one that its process closed":   answerTo(question, 1000, 0),
		"an answer that is cut off":     answerTo(question, 1000, 5)[:answerSize-1],
		"an answer that is not there":   nil,
		"root's, where we are not root": answerTo(question, 0, 5),
	} {
		if err := readDiag(question, answer, 1000); err == nil {
			t.Errorf("%s was taken for ours", name)
		}
	}
}

// TestGoneBeforeItWasAsked: a socket that its process has closed is nobody's, and
// must not be taken for root's, which the kernel says then.
func TestGoneBeforeItWasAsked(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := isOwn(in); err != nil {
		t.Errorf("while it is open: %v", err)
	}
	c.Close()
	if err := isOwn(in); err == nil {
		t.Error("it counts as ours when it is closed")
	}
}

func TestIsBoxed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "firefox_firefox.desktop"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]bool{
		"firefox_firefox.desktop": true, "firefox.desktop": false, "": false, "../" + filepath.Base(dir) + "/firefox_firefox.desktop": false,
	} {
		if got := isBoxed(entry, []string{"/nowhere", dir}); got != want {
			t.Errorf("%q: got %v", entry, got)
		}
	}
}

// BenchmarkIsOwn is what a connection costs before a byte of it is read.
func BenchmarkIsOwn(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	for b.Loop() {
		if err := isOwn(in); err != nil {
			b.Fatal(err)
		}
	}
}
