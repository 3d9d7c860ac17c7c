//go:build unix

package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/service/control"
	"holdfast/web"
	"holdfast/web/api"
)

// memberGroup is the number of a group that no account is in.
const memberGroup = 54321

// listen is the real listener, and how the web layer learns who calls.
func listen(t testing.TB, socket string, log *slog.Logger) (net.Listener, func(context.Context, net.Conn) context.Context) {
	t.Helper()
	l, err := control.Listen(socket, control.Options{Log: log, Refusal: web.Busy()})
	if err != nil {
		t.Fatal(err)
	}
	roles := &control.Roles{Groups: []string{fmt.Sprint(memberGroup)}}
	return l, func(ctx context.Context, c net.Conn) context.Context {
		p, ok := control.PeerOf(c)
		if !ok {
			return ctx
		}
		return web.WithIdentity(ctx, func() web.Caller {
			return web.Caller{Role: web.ParseRole(string(roles.Role(p))), UID: p.UID, User: roles.Name(p)}
		})
	}
}

// TestMain lets a test run this program again as another person, who says what
// the service told them.
func TestMain(m *testing.M) {
	if socket := os.Getenv("HOLDFAST_TEST_LISTEN"); socket != "" {
		eavesdrop(socket)
		return
	}
	if socket := os.Getenv("HOLDFAST_TEST_SOCKET"); socket != "" {
		if err := json.NewEncoder(os.Stdout).Encode(ask(socket)); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// answers is what another person was told.
type answers struct {
	Version, Overall, Endpoint string
	Limited                    bool
	Connect, Import, Export    string // "" or the code of the refusal
	Hint                       string
	Stream                     string
	Held                       int    // of 100 streams
	TooMany                    string // what the first over the limit was told
}

func ask(socket string) (a answers) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := client.New(socket)
	code := func(err error) string {
		if e, ok := errors.AsType[*api.Error](err); ok {
			a.Hint = e.Hint
			return string(e.Code)
		}
		if err != nil {
			return err.Error()
		}
		return ""
	}
	v, err := c.Version(ctx)
	a.Version = v.Version + code(err)
	s, err := c.Status(ctx)
	a.Overall, a.Limited = string(s.Overall)+code(err), s.Limited
	if s.Active != nil {
		a.Endpoint = s.Active.Endpoint
	}
	_, err = c.ImportTunnel(ctx, api.Import{Name: "x", Text: "nonsense"})
	a.Import = code(err)
	_, err = c.ExportTunnel(ctx, "nl")
	a.Export = code(err)
	_, err = c.Connect(ctx, "de")
	a.Connect = code(err)
	c.Close()
	for _, err := range c.Stream(ctx, 0) {
		a.Stream = code(err)
		break
	}
	hold(ctx, socket, &a)
	return a
}

// hold opens 100 streams at once and counts those that begin.
func hold(ctx context.Context, socket string, a *answers) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := make(chan error, 100)
	for range 100 {
		go func() {
			for _, err := range client.New(socket).Stream(ctx, 0) {
				began <- err
				<-ctx.Done()
				return
			}
		}()
	}
	for range 100 {
		if err := <-began; err == nil {
			a.Held++
		} else {
			a.TooMany = err.Error()
		}
	}
}

// another is this program as another person, beside a socket whose folder they
// may enter.
func another(t *testing.T, uid, gid uint32, socket, env string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("this program cannot be copied:", err)
	}
	program := filepath.Join(filepath.Dir(socket), "other")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir, cmd.Env, cmd.Stderr = "/", []string{env}, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return cmd
}

// as asks as another person.
func as(t *testing.T, uid, gid uint32, socket string) answers {
	t.Helper()
	out, err := another(t, uid, gid, socket, "HOLDFAST_TEST_SOCKET="+socket).Output()
	if err != nil {
		t.Fatal(err)
	}
	var a answers
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return a
}

func TestWhatOthersAreTold(t *testing.T) {
	s := serve(t)
	if _, err := client.New(s.socket).Connect(t.Context(), "home"); err != nil {
		t.Fatal(err)
	}
	viewer := as(t, 4242, 4242, s.socket)
	if viewer.Version != "1.2.3" || viewer.Overall != "protected" || !viewer.Limited || viewer.Endpoint != "" {
		t.Errorf("a viewer read %+v, want the overall state only", viewer)
	}
	if viewer.Connect != "not_permitted" || viewer.Import != "not_permitted" || viewer.Export != "not_permitted" || viewer.Stream != "not_permitted" ||
		!strings.Contains(viewer.Hint, "usermod -aG holdfast") {
		t.Errorf("a viewer was told %+v, want refusals with a hint", viewer)
	}
	if got := s.world.Status().Wish.Target; got != "home" {
		t.Errorf("the wish of a viewer was taken: %s", got)
	}
	member := as(t, 4242, memberGroup, s.socket)
	if member.Limited || member.Endpoint == "" || member.Connect != "" || member.Import != "invalid" || member.Export != "not_permitted" || member.Stream != "" {
		t.Errorf("a member was told %+v", member)
	}
	if got := s.world.Status().Wish.Target; got != "de" {
		t.Errorf("the wish of a member was not taken: %s", got)
	}
	if member.Held == 0 || member.Held > 96 || !strings.Contains(member.TooMany, "Too many connections") {
		t.Errorf("a member held %d streams and was then told %q, want 96 at most and the reason", member.Held, member.TooMany)
	}
	admin := as(t, 0, 0, s.socket)
	if admin.Export != "" || admin.Connect != "" || admin.Held != 100 {
		t.Errorf("root was told %+v", admin)
	}
}

// eavesdrop listens, says so, and then says how much it heard on its first
// connection.
func eavesdrop(socket string) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listening")
	c, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	n, _ := c.Read(make([]byte, 100))
	fmt.Println("heard", n)
}

// TestListenerIsLookedAtToo: a socket that looks like root's and is served by
// somebody else hears nothing either.
func TestListenerIsLookedAtToo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	s := serve(t) // for a folder that others may enter
	dir := filepath.Join(filepath.Dir(s.socket), "open")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	cmd := another(t, 4242, 4242, s.socket, "HOLDFAST_TEST_LISTEN="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	if !said.Scan() || said.Text() != "listening" {
		t.Fatalf("got %q", said.Text())
	}
	if err := os.Chown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := client.New(path).Version(t.Context()); !errors.Is(err, client.ErrUntrusted) {
		t.Errorf("got %v, want untrusted", err)
	}
	if said.Scan(); said.Text() != "heard 0" {
		t.Errorf("the listener %q, want nothing heard", said.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestStrangersAreNotSpokenTo: the client says nothing to a listener that is
// not the service's.
func TestStrangersAreNotSpokenTo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heard, came atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			n, _ := c.Read(make([]byte, 100))
			heard.Add(int64(n))
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	// Our own listener is spoken to: it hears something.
	_, _ = client.New(path).Version(ctx)
	if heard.Load() == 0 {
		t.Fatal("our own listener heard nothing")
	}
	before, beforeCame := heard.Load(), came.Load()

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, squat := range []string{file, link} {
		if _, err := client.New(squat).Version(ctx); !errors.Is(err, client.ErrUntrusted) || errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%s: got %v, want untrusted", squat, err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a socket away")
	}
	if err := os.Chown(path, 4242, 4242); err != nil {
		t.Fatal(err)
	}
	_, err = client.New(path).Version(ctx)
	if !errors.Is(err, client.ErrUntrusted) {
		t.Errorf("a socket of somebody else: got %v, want untrusted", err)
	}
	for _, err := range client.New(path).Follow(ctx, 0) {
		if !errors.Is(err, client.ErrUntrusted) {
			t.Errorf("following it: got %v, want untrusted, once", err)
		}
	}
	if heard.Load() != before || came.Load() != beforeCame {
		t.Errorf("a stranger heard %d bytes on %d connections", heard.Load()-before, came.Load()-beforeCame)
	}
}
