package host

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// managed is a handler with a manager that is played by the test.
type managed struct {
	h        *handler
	told     []string
	requests chan svc.ChangeRequest
	state    chan svc.Status
	ended    chan [2]uint32 // specific, code
}

func manage(s Service) *managed {
	m := &managed{requests: make(chan svc.ChangeRequest), state: make(chan svc.Status), ended: make(chan [2]uint32, 1)}
	opt := Options{Log: slog.New(slog.DiscardHandler), Stacks: io.Discard}
	m.h = &handler{service: s, opt: opt, tell: func(text string) { m.told = append(m.told, text) }}
	go func() {
		specific, code := m.h.Execute(nil, m.requests, m.state)
		if specific {
			m.ended <- [2]uint32{1, code}
			return
		}
		m.ended <- [2]uint32{0, code}
	}()
	return m
}

// becomes waits for a state, past what is told of the way to it.
func (m *managed) becomes(t *testing.T, want svc.State) svc.Status {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case got := <-m.state:
			if got.State == want {
				return got
			}
		case <-limit:
			t.Fatalf("the service never came to state %d", want)
		}
	}
}

func TestTheManagerIsToldHowFarItIs(t *testing.T) {
	open := make(chan struct{})
	m := manage(func(ctx context.Context, n Notify) error {
		<-open
		n.Ready(nil)
		<-ctx.Done()
		<-open
		return nil
	})
	first := m.becomes(t, svc.StartPending)
	if next := m.becomes(t, svc.StartPending); next.CheckPoint <= first.CheckPoint || next.WaitHint == 0 || next.Accepts != 0 {
		t.Errorf("starting goes from %+v to %+v", first, next)
	}
	open <- struct{}{}
	if got := m.becomes(t, svc.Running); got.Accepts != accepts || got.CheckPoint != 0 {
		t.Errorf("running is %+v", got)
	}
	m.requests <- svc.ChangeRequest{Cmd: svc.PowerEvent, EventType: 7}
	m.requests <- svc.ChangeRequest{Cmd: svc.SessionChange, EventType: 5}
	m.requests <- svc.ChangeRequest{Cmd: svc.Interrogate}
	m.becomes(t, svc.Running)
	m.requests <- svc.ChangeRequest{Cmd: svc.PreShutdown}
	first = m.becomes(t, svc.StopPending)
	if next := m.becomes(t, svc.StopPending); next.CheckPoint <= first.CheckPoint || next.WaitHint == 0 {
		t.Errorf("stopping goes from %+v to %+v", first, next)
	}
	open <- struct{}{}
	if got := <-m.ended; got != [2]uint32{0, 0} {
		t.Errorf("it ended with %v", got)
	}
	if len(m.told) != 2 {
		t.Errorf("the Event Log was told %q", m.told)
	}
}

type coded struct{ error }

func (coded) ExitCode() int { return 12 }

// The manager starts a service anew that failed, and none that it was told to stop.
func TestTheManagerIsToldOfFailures(t *testing.T) {
	broken := errors.New("no network")
	for _, tt := range []struct {
		name string
		err  error
		told bool
		want [2]uint32
	}{
		{"an end", nil, false, [2]uint32{0, 0}},
		{"an error", broken, false, [2]uint32{1, 1}},
		{"an error with a code", coded{broken}, false, [2]uint32{1, 12}},
		{"an error while stopping", coded{broken}, true, [2]uint32{0, 0}},
	} {
		m := manage(func(ctx context.Context, n Notify) error {
			n.Ready(nil)
			if tt.told {
				<-ctx.Done()
			}
			return tt.err
		})
		m.becomes(t, svc.StartPending)
		go func() {
			for range m.state { //nolint:revive // what is told of the way is not looked at
			}
		}()
		if tt.told {
			m.requests <- svc.ChangeRequest{Cmd: svc.Stop}
		}
		if got := <-m.ended; got != tt.want || !errors.Is(m.h.err, tt.err) {
			t.Errorf("%s: it ended with %v, %v, want %v", tt.name, got, m.h.err, tt.want)
		}
	}
}

func TestPrivilegesAreGivenAway(t *testing.T) {
	const kept = "SeChangeNotifyPrivilege"
	if err := keepOnly([]string{kept}); err != nil {
		t.Fatal(err)
	}
	left, err := privileges(windows.GetCurrentProcessToken())
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 1 {
		t.Errorf("%d privileges are left", len(left))
	}
	if err := keepOnly([]string{"SeNonsensePrivilege"}); err == nil {
		t.Error("a privilege that there is not was kept")
	}
}
