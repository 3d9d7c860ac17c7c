package daemon_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/app/client"
	"holdfast/service/daemon"
	"holdfast/service/event"
	"holdfast/service/lab"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func TestFailoverThroughTheSocket(t *testing.T) {
	h := newHome(t, "a", "b")
	r := h.run()
	var streamed []event.Event
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	began, moved := make(chan struct{}), make(chan struct{})
	following.Go(func() {
		for m, err := range r.Stream(ctx, 0) {
			switch {
			case err != nil:
				return
			case m.Kind == client.Snapshot:
				close(began)
			case m.Kind == client.Happened:
				streamed = append(streamed, *m.Event)
				if m.Event.Kind == event.FailedOver {
					close(moved)
				}
			}
		}
	})
	<-began
	since := time.Now()
	r.connect("g")
	stop := h.flow(r)
	r.is("a", status.Protected)
	var st status.Status
	until(t, "the active member's round trip", func() bool {
		st = r.status()
		a := st.Active
		return a != nil && a.RTTMs != nil && a.LastRoundTrip != nil && a.LastHandshake != nil
	})
	if a := st.Active; a.Tunnel != "a" {
		t.Errorf("active: %+v, want a", a)
	}
	until(t, "data to be counted", func() bool { return r.status().Active.RxBytes > 1000 })
	if err := h.lab.Server("a").Break(lab.BlackHole); err != nil {
		t.Fatal(err)
	}
	select {
	case <-moved:
	case <-time.After(patience):
		t.Fatal("no failover")
	}
	r.is("b", status.Protected)
	stop()
	all := r.history()
	until(t, "the stream to have told everything", func() bool { return r.status().EventID == all[len(all)-1].ID })
	cancel()
	following.Wait()
	if len(streamed) < 5 || streamed[0].Kind != event.WishChanged {
		t.Fatalf("streamed: %v", streamed)
	}
	for i, e := range streamed {
		j := slices.IndexFunc(all, func(o event.Event) bool { return o.ID == e.ID })
		if j < 0 || all[j] != e || i > 0 && e.ID != streamed[i-1].ID+1 {
			t.Errorf("streamed %+v, which the history does not have so", e)
		}
	}
	r.wantNotices(event.Code(event.FailedOver))
	sum, err := r.Summary(t.Context(), since, time.Time{})
	if err != nil || sum.Failovers != 1 || sum.Failbacks != 0 || sum.Outages != 1 || sum.DowntimeMs < 2000 {
		t.Errorf("summary: %+v, %v", sum, err)
	}
	until(t, "the samples to be kept", func() bool {
		sum, err := r.Summary(t.Context(), since, time.Time{})
		return err == nil && sum.RxBytes > 1000 && sum.TxBytes > 1000
	})
	if none, err := r.Summary(t.Context(), since.Add(-time.Hour), since); err != nil || none.Failovers+none.Outages != 0 {
		t.Errorf("summary of the hour before: %+v, %v", none, err)
	}
}

// A service comes back as it was: with its wish, and with IDs that go on.
func TestRestartKeepsTheWish(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	r.connect("g")
	until(t, "a to be up", func() bool { st := r.status(); return st.Active != nil && st.Active.State == tunnel.Up })
	if !r.daemon.Alive() {
		t.Error("it does not say that it is alive")
	}
	r.stop()
	if r.daemon.Alive() {
		t.Error("it says that it is alive after its end")
	}
	if _, err := os.Stat(h.options().Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	r = h.run()
	until(t, "a to be up again", func() bool { st := r.status(); return st.Active != nil && st.Active.State == tunnel.Up })
	if wish := r.status().Wish; !wish.On || wish.Target != "g" {
		t.Errorf("the wish is %+v", wish)
	}
	if _, err := r.Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.is("", status.Off)
	r.stop()

	r = h.run()
	defer r.stop()
	if st := r.status(); st.Wish.On || st.Wish.Target != "g" || st.Overall != status.Off {
		t.Errorf("after off: %+v", st)
	}
	starts := 0
	for i, e := range r.history() {
		if e.ID != int64(i+1) {
			t.Fatalf("event %d has the ID %d", i+1, e.ID)
		}
		if e.Kind == event.ServiceStarted {
			starts++
		}
	}
	if starts != 3 {
		t.Errorf("%d starts in the history, want 3", starts)
	}
}

// A primary that cannot be started does not keep the others from it.
func TestPrimaryCannotStart(t *testing.T) {
	h := newHome(t, "a", "b")
	taken, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := h.run()
	c := h.lab.Server("a").ClientConfig()
	c.Interface.ListenPort = netip.MustParseAddrPort(taken.LocalAddr().String()).Port()
	if _, err := r.ReplaceTunnel(t.Context(), "a", c.Render()); err != nil {
		t.Fatal(err)
	}
	r.connect("g")
	r.is("b", status.Protected)
	over := slices.DeleteFunc(r.history(), func(e event.Event) bool { return e.Kind != event.FailedOver })
	if len(over) != 1 || over[0].From != "a" || over[0].To != "b" {
		t.Errorf("failovers: %+v", over)
	}
}

func TestSecondServiceIsRefused(t *testing.T) {
	other := newHome(t).options()
	h := newHome(t, "a")
	r := h.run()
	for _, tt := range []struct {
		opt   daemon.Options
		stage daemon.Stage
	}{
		{h.options(), daemon.OpenStore},
		{daemon.Options{ConfigDir: other.ConfigDir, StateDir: other.StateDir, Socket: h.options().Socket}, daemon.OpenSocket},
	} {
		tt.opt.Userspace, tt.opt.Underlay, tt.opt.Log = true, other.Underlay, other.Log
		_, err := daemon.Open(t.Context(), tt.opt)
		stage, ok := errors.AsType[*daemon.StageError](err)
		if !ok || stage.Stage != tt.stage || !strings.Contains(stage.Advice, "another holdfastd is running") {
			t.Errorf("second service: %+v, want it refused at %q with advice", err, tt.stage)
		}
	}
	r.connect("g")
	until(t, "a to be up", func() bool { return r.status().Active != nil })
}

func TestStages(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*home)
		stage daemon.Stage
		says  []string
	}{
		{"damaged holdfast.toml", func(h *home) { h.write("etc/holdfast.toml", "profile = \"classic\"\nprofil = 3\n[[") },
			daemon.OpenLibrary, []string{"holdfast.toml", "line"}},
		{"the config folder is a file", func(h *home) { h.write("etc", "") }, daemon.OpenLibrary, []string{"etc", "--config-dir"}},
		{"the state folder is a file", func(h *home) { h.write("var", "") }, daemon.OpenStore, []string{"var", "--state-dir"}},
		{"the socket's place is taken", func(h *home) { h.write("run/s.sock", "") }, daemon.OpenSocket, []string{"s.sock", "--socket"}},
		{"the socket's folder is a file", func(h *home) { h.write("run", "") }, daemon.OpenSocket, []string{"run", "--socket"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			tt.spoil(h)
			_, err := daemon.Open(t.Context(), h.options())
			stage, ok := errors.AsType[*daemon.StageError](err)
			if !ok || stage.Stage != tt.stage {
				t.Fatalf("Open = %v, want a failure of %q", err, tt.stage)
			}
			said := err.Error() + "\nhint: " + stage.Advice
			for _, word := range append(tt.says, string(tt.stage)) {
				if !strings.Contains(said, word) {
					t.Errorf("%q does not say %q", said, word)
				}
			}
			t.Log(said)
		})
	}
	codes := map[int]bool{}
	for _, s := range []daemon.Stage{daemon.OpenLibrary, daemon.OpenStore, daemon.LoadWish, daemon.CleanUp, daemon.WatchNet, daemon.OpenSocket} {
		codes[daemon.ExitCode(s)] = true
	}
	for code := 10; code < 16; code++ {
		if !codes[code] {
			t.Errorf("no stage has the exit code %d", code)
		}
	}
}

// What is wrong on disk is told to a person, and cleared when it is right.
func TestNoticesAboutTheService(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	r.connect("g")
	r.stop()

	h.write("var/wish.json", "{")
	h.write("var/wish.json.1", "{")
	h.write("var/holdfast.db", "this was a history")
	h.write("etc/bad.conf", "[Interface]\nNonsense = 1\n")
	r = h.run()
	if st := r.status(); st.Wish.On {
		t.Errorf("a wish that cannot be read is taken for %+v", st.Wish)
	}
	r.wantNotices(event.CodeConfigUnreadable, event.CodeHistoryDamaged, event.CodeWishDamaged)
	for _, n := range r.status().Notices {
		if n.Title == "" || n.Evidence == "" {
			t.Errorf("notice without words: %+v", n)
		}
		if n.Code == event.CodeHistoryDamaged {
			if err := r.AckNotice(t.Context(), n.ID); err != nil {
				t.Error(err)
			}
		}
	}
	r.connect("g")
	r.wantNotices(event.CodeConfigUnreadable, event.CodeHistoryDamaged)
	if err := r.AckNotice(t.Context(), 99999); !errors.Is(err, api.ErrNotFound) {
		t.Errorf("a notice that never was: %v", err)
	}
	text := h.lab.Server("a").ClientConfig().Render()
	if _, err := r.ImportTunnel(t.Context(), api.Import{Name: "bad", Text: text, Overwrite: true}); err != nil {
		t.Fatal(err)
	}
	r.wantNotices(event.CodeHistoryDamaged)
	r.stop()

	r = h.run()
	r.wantNotices()
	all, err := r.Notices(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[event.Code]bool{}
	for _, n := range all.Notices {
		if n.ClearedAt.IsZero() {
			t.Errorf("%s was never cleared", n.Code)
		}
		seen[n.Code] = n.Acknowledged
	}
	if len(seen) != 3 || !seen[event.CodeHistoryDamaged] || seen[event.CodeWishDamaged] {
		t.Errorf("kept notices, and whether they were seen: %v", seen)
	}
}

// A state folder that cannot be written keeps nobody from the tunnel, nor in it.
func TestWishCannotBeKept(t *testing.T) {
	h := newHome(t, "a")
	r := h.run()
	h.write("var/wish.json.1/in the way", "")
	r.connect("g")
	until(t, "a to be up", func() bool { st := r.status(); return st.Active != nil && st.Active.State == tunnel.Up })
	r.wantNotices(event.CodeWishNotKept)
	_, err := r.Disconnect(t.Context())
	if err == nil || !strings.Contains(err.Error(), "returns when the service starts again") {
		t.Errorf("Disconnect = %v, want a word that it will not last", err)
	}
	r.is("", status.Off)
	if err := os.RemoveAll(filepath.Join(h.dir, "var/wish.json.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Disconnect(t.Context()); err != nil {
		t.Error(err)
	}
	r.wantNotices()
}
