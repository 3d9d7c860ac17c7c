package notify

import (
	"context"
	"errors"
	"fmt"
	"html"
	"image"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	serverName      = "org.freedesktop.Notifications"
	serverPath      = "/org/freedesktop/Notifications"
	serverInterface = serverName

	// appName is what the desktop calls the sender, and desktopEntry the file,
	// without its ending, from which it takes icon and settings.
	appName      = "Holdfast"
	desktopEntry = "holdfast-tray"
	// pictureSize is what desktops show at 100 to 200 per cent, in pixels.
	pictureSize = 64
	// serverWait bounds a call. The desktop may have to start its server first.
	serverWait = 5 * time.Second
)

// busScreen shows notes by the Desktop Notifications Specification. Whoever owns
// the name on the session bus is asked each time, so that a server that was
// replaced is no matter.
type busScreen struct {
	opt    ScreenOptions
	conn   *dbus.Conn
	server dbus.BusObject
	read   chan struct{} // closed when signals have been read to their end

	mu    sync.Mutex
	ids   map[Matter]uint32 // what is on the screen
	notes map[uint32]Note
}

// OpenScreen connects to the session bus. It fails where there is none; that
// nobody shows notifications there shows with the first.
func OpenScreen(o ScreenOptions) (Screen, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return nil, fmt.Errorf("find the session bus: %w", err)
	}
	s := &busScreen{opt: o, conn: conn, server: conn.Object(serverName, serverPath),
		read: make(chan struct{}), ids: map[Matter]uint32{}, notes: map[uint32]Note{}}
	if err := s.begin(); err != nil {
		return nil, errors.Join(fmt.Errorf("use the session bus: %w", err), conn.Close())
	}
	return s, nil
}

func (s *busScreen) begin() error {
	if err := s.conn.Auth(nil); err != nil {
		return err
	}
	if err := s.conn.Hello(); err != nil {
		return err
	}
	for _, member := range []string{"ActionInvoked", "NotificationClosed"} {
		if err := s.conn.AddMatchSignal(dbus.WithMatchSender(serverName), dbus.WithMatchInterface(serverInterface),
			dbus.WithMatchMember(member), dbus.WithMatchObjectPath(serverPath)); err != nil {
			return err
		}
	}
	signals := make(chan *dbus.Signal, 16) // closed with the connection
	s.conn.Signal(signals)
	go s.listen(signals)
	return nil
}

// Do shows or closes.
func (s *busScreen) Do(a Action) error {
	ctx, cancel := context.WithTimeout(context.Background(), serverWait)
	defer cancel()
	s.mu.Lock()
	id := s.ids[a.Matter]
	s.mu.Unlock()
	if a.Show == nil {
		s.forget(id)
		if id == 0 {
			return nil
		}
		if err := s.server.CallWithContext(ctx, serverInterface+".CloseNotification", 0, id).Err; err != nil {
			return fmt.Errorf("close notification: %w", err)
		}
		return nil
	}
	var can []string
	if err := s.server.CallWithContext(ctx, serverInterface+".GetCapabilities", 0).Store(&can); err != nil {
		return fmt.Errorf("ask for capabilities: %w", err)
	}
	n := *a.Show
	shown, err := s.show(ctx, n, id, can)
	if err != nil {
		return fmt.Errorf("show notification: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.notes, id)
	s.ids[a.Matter], s.notes[shown] = shown, n
	return nil
}

func (s *busScreen) show(ctx context.Context, n Note, replaces uint32, can []string) (id uint32, err error) {
	body, actions := n.Body, []string{}
	if slices.Contains(can, "body-markup") {
		body = html.EscapeString(body)
	}
	if slices.Contains(can, "actions") {
		actions = append(actions, "default", s.opt.Labels[Open], string(Open), s.opt.Labels[Open])
		if n.Reconnect {
			actions = append(actions, string(Reconnect), s.opt.Labels[Reconnect])
		}
	}
	const byTheServer = int32(-1) // how long it is shown
	err = s.server.CallWithContext(ctx, serverInterface+".Notify", 0,
		appName, replaces, "", n.Title, body, actions, s.hints(n), byTheServer).Store(&id)
	return id, err
}

func (s *busScreen) hints(n Note) map[string]dbus.Variant {
	h := map[string]dbus.Variant{
		"urgency":       dbus.MakeVariant(byte(n.Urgency)),
		"desktop-entry": dbus.MakeVariant(desktopEntry),
		"category":      dbus.MakeVariant("network"),
	}
	if n.Passing {
		h["transient"] = dbus.MakeVariant(true)
	}
	if s.opt.Picture != nil {
		h["image-data"] = dbus.MakeVariant(pixels(s.opt.Picture(n, pictureSize)))
	}
	return h
}

// imageData is a picture as the specification wants it, RGBA row by row.
type imageData struct {
	Width, Height, Stride   int32
	Alpha                   bool
	BitsPerSample, Channels int32
	Data                    []byte
}

func pixels(m *image.NRGBA) imageData {
	b := m.Bounds()
	return imageData{Width: int32(b.Dx()), Height: int32(b.Dy()), Stride: int32(m.Stride), Alpha: true, BitsPerSample: 8, Channels: 4, Data: m.Pix}
}

// listen reads what the server tells of notifications, ours and those of others.
func (s *busScreen) listen(signals <-chan *dbus.Signal) {
	defer close(s.read)
	for signal := range signals {
		if len(signal.Body) != 2 {
			continue
		}
		id, ok := signal.Body[0].(uint32)
		if !ok {
			continue
		}
		switch signal.Name {
		case serverInterface + ".ActionInvoked":
			key, _ := signal.Body[1].(string)
			s.press(id, key)
		case serverInterface + ".NotificationClosed":
			s.forget(id)
		}
	}
}

func (s *busScreen) press(id uint32, key string) {
	s.mu.Lock()
	n, ours := s.notes[id]
	s.mu.Unlock()
	if !ours || s.opt.Pressed == nil {
		return
	}
	switch key {
	case "default", string(Open):
		s.opt.Pressed(Press{Button: Open, Note: n})
	case string(Reconnect):
		s.opt.Pressed(Press{Button: Reconnect, Note: n})
	}
}

// forget lets go of a notification that is not on the screen any more.
func (s *busScreen) forget(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ours := s.notes[id]; ours {
		delete(s.notes, id)
		delete(s.ids, n.Matter)
	}
}

// Close lets go of the bus. What is on the screen stays.
func (s *busScreen) Close() error {
	err := s.conn.Close()
	<-s.read
	return err
}
