package notify

import (
	"image"
	"image/color"
	"reflect"
	"testing"
	"time"

	"holdfast/app/desktest"
)

// onBus is a screen on a bus of the test's own, and what was pressed on it.
func onBus(t *testing.T, can []string) (Screen, *desktest.Notifications, <-chan Press) {
	t.Helper()
	address := desktest.StartBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	server := desktest.ServeNotifications(t, address, can)
	pressed := make(chan Press, 8)
	s, err := OpenScreen(ScreenOptions{
		Pressed: func(p Press) { pressed <- p },
		Labels:  map[Button]string{Open: "Open Holdfast", Reconnect: "Reconnect"},
		Picture: func(_ Note, size int) *image.NRGBA {
			m := image.NewNRGBA(image.Rect(0, 0, size, size))
			m.Set(1, 0, color.NRGBA{1, 2, 3, 4})
			return m
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, server, pressed
}

func do(t *testing.T, s Screen, a Action) {
	t.Helper()
	if err := s.Do(a); err != nil {
		t.Fatal(err)
	}
}

func TestOnTheBus(t *testing.T) {
	s, server, pressed := onBus(t, nil)
	stall := Note{Matter: Link, Kind: Stall, Urgency: Critical, Title: "The server is down & out", Body: `nl: <a href="https://evil.example">click</a> & wait`, Notice: 7, Reconnect: true}
	do(t, s, Action{Matter: Link, Show: &stall})
	clock := Note{Matter: "clock_ahead", Kind: ActionNeeded, Urgency: Normal, Title: "The clock jumped ahead"}
	do(t, s, Action{Matter: "clock_ahead", Show: &clock})

	on := server.On()
	if len(on) != 2 {
		t.Fatalf("%d on the screen: %+v", len(on), on)
	}
	n := on[0]
	if n.App != "Holdfast" || n.Title != stall.Title || n.Replaces != 0 || n.Expires != -1 {
		t.Errorf("%+v", n)
	}
	if want := "nl: &lt;a href=&#34;https://evil.example&#34;&gt;click&lt;/a&gt; &amp; wait"; n.Body != want {
		t.Errorf("body %q, want %q", n.Body, want)
	}
	if want := []string{"default", "Open Holdfast", "open", "Open Holdfast", "reconnect", "Reconnect"}; !reflect.DeepEqual(n.Actions, want) {
		t.Errorf("actions %q, want %q", n.Actions, want)
	}
	if n.Hints["urgency"].Value() != byte(2) || n.Hints["desktop-entry"].Value() != "holdfast-tray" || n.Hints["transient"].Value() != nil {
		t.Errorf("hints %v", n.Hints)
	}
	var picture imageData
	if err := n.Hints["image-data"].Store(&picture); err != nil || picture.Width != 64 || picture.Stride != 256 || picture.Data[5] != 2 {
		t.Errorf("picture %+v, %v", picture.Width, err)
	}
	if len(on[1].Actions) != 4 {
		t.Errorf("actions where nothing is to be rebuilt: %q", on[1].Actions)
	}

	// In the same place.
	well := Note{Matter: Link, Kind: Recovery, Urgency: Low, Title: "nl works again", Notice: 7, Passing: true}
	do(t, s, Action{Matter: Link, Show: &well})
	if on := server.On(); len(on) != 2 || on[0].ID != n.ID || on[0].Title != well.Title || on[0].Hints["transient"].Value() != true || on[0].Hints["urgency"].Value() != byte(0) {
		t.Errorf("%+v", on)
	}
	server.Press(t, n.ID, "default")
	if got := <-pressed; got.Button != Open || got.Note != well {
		t.Errorf("pressed %+v", got)
	}
	// That closed it, so the next is a new one.
	do(t, s, Action{Matter: Link, Show: &stall})
	on = server.On()
	if len(on) != 2 || on[1].ID == n.ID {
		t.Errorf("%+v", on)
	}
	server.Press(t, on[1].ID, "reconnect")
	if got := <-pressed; got.Button != Reconnect || got.Note != stall {
		t.Errorf("pressed %+v", got)
	}
	do(t, s, Action{Matter: "clock_ahead"})
	do(t, s, Action{Matter: "clock_ahead"}) // it is gone already
	if on := server.On(); len(on) != 0 {
		t.Errorf("left on the screen: %+v", on)
	}
	want := []string{"show The server is down & out", "show The clock jumped ahead", "replace nl works again", "show The server is down & out", "close The clock jumped ahead"}
	if got := server.Log(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A server without markup and buttons gets neither.
func TestOnABareServer(t *testing.T) {
	s, server, _ := onBus(t, []string{"body"})
	do(t, s, Action{Matter: Link, Show: &Note{Matter: Link, Title: "t", Body: "a < b", Reconnect: true}})
	if on := server.On(); len(on) != 1 || on[0].Body != "a < b" || len(on[0].Actions) != 0 {
		t.Errorf("%+v", on)
	}
}

// Presses on the notifications of others, and of ours that are gone, are not ours.
func TestPressesOfOthers(t *testing.T) {
	s, server, pressed := onBus(t, nil)
	do(t, s, Action{Matter: Link, Show: &Note{Matter: Link, Title: "t"}})
	id := server.On()[0].ID
	server.Press(t, id+100, "default")
	server.Dismiss(t, id)
	server.Press(t, id, "default")
	do(t, s, Action{Matter: Link, Show: &Note{Matter: Link, Title: "u"}})
	server.Press(t, server.On()[0].ID, "open")
	if got := <-pressed; got.Note.Title != "u" {
		t.Errorf("pressed %+v", got)
	}
}

func TestNobodyShowsNotifications(t *testing.T) {
	address := desktest.StartBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
	s, err := OpenScreen(ScreenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	began := time.Now()
	if err := s.Do(Action{Matter: Link, Show: &Note{Matter: Link, Title: "t"}}); err == nil || time.Since(began) > 2*serverWait {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	// One that comes later is used.
	server := desktest.ServeNotifications(t, address, nil)
	do(t, s, Action{Matter: Link, Show: &Note{Matter: Link, Title: "t"}})
	if len(server.On()) != 1 {
		t.Error("not shown")
	}
}

func TestNoBus(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	if s, err := OpenScreen(ScreenOptions{}); err == nil {
		s.Close()
		t.Error("a screen without a bus")
	}
}
