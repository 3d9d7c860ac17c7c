package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"holdfast": main})
}

// fakeKey finds a script's service among its values.
type fakeKey struct{}

// TestScripts runs the program itself against a service that answers from memory.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("", "hf")
			if err != nil {
				return err
			}
			f := newFakeService(dir)
			env.Defer(func() { f.stop(); _ = os.RemoveAll(dir) })
			env.Values[fakeKey{}] = f
			env.Setenv("HOLDFAST_SOCKET", f.socket)
			env.Setenv("TZ", "UTC")
			env.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			// The race detector waits a second at the end of each program for
			// threads that may still report; ours have ended.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return f.start()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"stands":  stands,
			"service": control,
		},
	})
}

// exits runs holdfast and wants an exit code: exits 8 tunnel check bad.conf
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("holdfast", args[1:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("run holdfast: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("got exit code %d, want %d", got, want)
	}
}

// control changes the service: stop, silent, refuse CODE MESSAGE [HINT], limited,
// happened (a few events), guard MODE.
func control(ts *testscript.TestScript, _ bool, args []string) {
	f, ok := ts.Value(fakeKey{}).(*fakeService)
	if !ok || len(args) == 0 {
		ts.Fatalf("usage: service WHAT …")
	}
	if args[0] == "stop" {
		f.stop()
		return
	}
	if args[0] == "happened" {
		f.mu.Lock()
		f.events = nil
		f.mu.Unlock()
		for _, e := range somethingHappened() {
			f.happen(e)
		}
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch args[0] {
	case "silent":
		f.silent = true
	case "refuse":
		f.refusal = &api.Error{Code: api.Code(args[1]), Message: args[2]}
		if len(args) > 3 {
			f.refusal.Hint = args[3]
		}
	case "limited":
		f.status = api.Status{Status: status.Status{Schema: 1, At: epoch, Overall: status.Protected}, Limited: true}
	case "guard":
		f.guard.Mode = failover.Guard(args[1])
	default:
		ts.Fatalf("service %s: not known", args[0])
	}
}

func somethingHappened() []event.Event {
	return []event.Event{
		{Kind: event.ServiceStarted, At: epoch.Add(-3 * time.Hour)},
		{Kind: event.WishChanged, To: "home", At: epoch.Add(-2 * time.Hour)},
		{
			Kind: event.FailedOver, From: "nl", To: "de", Tunnel: "de", Cause: tunnel.Unanswered,
			Evidence: `31 s without an answer, "quoted"`, DowntimeMs: 31500, At: epoch.Add(-time.Hour),
		},
		{Kind: event.FailedBack, From: "de", To: "nl", Tunnel: "nl", At: epoch.Add(-time.Minute)},
	}
}

// stands sets how things stand: stands OVERALL [VERDICT]
func stands(ts *testscript.TestScript, _ bool, args []string) {
	f, ok := ts.Value(fakeKey{}).(*fakeService)
	if !ok || len(args) == 0 {
		ts.Fatalf("usage: stands OVERALL")
	}
	f.stand(func(s *api.Status) { s.Status = picture(status.Overall(args[0])) })
}

// picture is a status with everything in it, for an overall state.
func picture(overall status.Overall) status.Status {
	handshake := epoch.Add(-14 * time.Second)
	age, rtt := int64(14000), 23.14
	s := status.Status{
		Schema: status.Schema, At: epoch, Overall: overall,
		Wish:     status.Wish{On: overall != status.Off, Target: "home"},
		Underlay: "ok", Guard: status.Guard{Mode: failover.GuardOff},
		Members: []status.Member{}, Notices: []event.Notice{}, EventID: 7,
	}
	if overall == status.Off {
		return s
	}
	s.Active = &status.Active{
		Tunnel: "nl", Group: "home", Since: epoch.Add(-5 * time.Minute), State: tunnel.Up, Verdict: health.Healthy,
		LastHandshake: &handshake, HandshakeAgeMs: &age, LastRoundTrip: &handshake,
		RxBytes: 123456789, TxBytes: 2048, RxRate: 1500, TxRate: 0, Endpoint: "203.0.113.9:51820", RTTMs: &rtt,
	}
	s.Members = []status.Member{
		{Tunnel: "nl", Role: "primary", Stand: "active", LastAnswer: &handshake, RTTMs: &rtt},
		{Tunnel: "de", Role: "fallback", Stand: "cold"},
	}
	return s
}
