package desktest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	notifications     = "org.freedesktop.Notifications"
	notificationsPath = "/org/freedesktop/Notifications"
)

// Note is a notification as the server was asked to show it.
type Note struct {
	ID       uint32
	Replaces uint32
	App      string
	Title    string
	Body     string
	Actions  []string
	Hints    map[string]dbus.Variant
	Expires  int32
}

// String leaves the picture out.
func (n Note) String() string {
	return fmt.Sprintf("%d (for %d) %q %q %q", n.ID, n.Replaces, n.Title, n.Body, n.Actions)
}

// Notifications is a server of notifications that only remembers.
type Notifications struct {
	conn *dbus.Conn
	can  []string

	mu   sync.Mutex
	last uint32
	on   map[uint32]Note
	log  []string
}

// ServeNotifications begins to serve. can are the capabilities; nil: those of
// the usual servers.
func ServeNotifications(t testing.TB, address string, can []string) *Notifications {
	t.Helper()
	if can == nil {
		can = []string{"actions", "body", "body-markup", "persistence"}
	}
	n := &Notifications{conn: Connect(t, address), can: can, on: map[uint32]Note{}}
	if err := n.conn.Export(served{n}, notificationsPath, notifications); err != nil {
		t.Fatal(err)
	}
	own(t, n.conn, notifications)
	return n
}

// On are the notifications that are on the screen, the oldest first.
func (n *Notifications) On() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Note
	for _, id := range slices.Sorted(maps.Keys(n.on)) {
		out = append(out, n.on[id])
	}
	return out
}

// Log is what was asked for, in order: "show TITLE", "replace TITLE" and
// "close TITLE".
func (n *Notifications) Log() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.log)
}

// Press presses a button of a notification, which closes it.
func (n *Notifications) Press(t testing.TB, id uint32, action string) {
	t.Helper()
	if err := n.conn.Emit(notificationsPath, notifications+".ActionInvoked", id, action); err != nil {
		t.Fatal(err)
	}
	n.Dismiss(t, id)
}

// Dismiss is a person who closes a notification.
func (n *Notifications) Dismiss(t testing.TB, id uint32) {
	t.Helper()
	n.mu.Lock()
	delete(n.on, id)
	n.mu.Unlock()
	const byThePerson = uint32(2)
	if err := n.conn.Emit(notificationsPath, notifications+".NotificationClosed", id, byThePerson); err != nil {
		t.Fatal(err)
	}
}

// served are the methods on the bus.
type served struct{ n *Notifications }

// GetCapabilities tells what was given to ServeNotifications.
func (s served) GetCapabilities() ([]string, *dbus.Error) { return s.n.can, nil }

// Notify puts a notification on the screen.
func (s served) Notify(app string, replaces uint32, _, title, body string, actions []string, hints map[string]dbus.Variant, expires int32) (uint32, *dbus.Error) {
	n := s.n
	n.mu.Lock()
	defer n.mu.Unlock()
	id, verb := replaces, "replace"
	if _, there := n.on[replaces]; !there {
		n.last++
		id, verb = n.last, "show"
	}
	n.on[id] = Note{ID: id, Replaces: replaces, App: app, Title: title, Body: body, Actions: actions, Hints: hints, Expires: expires}
	n.log = append(n.log, fmt.Sprintf("%s %s", verb, title))
	return id, nil
}

// CloseNotification takes one off the screen.
func (s served) CloseNotification(id uint32) *dbus.Error {
	n := s.n
	n.mu.Lock()
	note, there := n.on[id]
	delete(n.on, id)
	if there {
		n.log = append(n.log, "close "+note.Title)
	}
	n.mu.Unlock()
	if !there {
		return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{"there is no such notification"})
	}
	const byACall = uint32(3)
	_ = n.conn.Emit(notificationsPath, notifications+".NotificationClosed", id, byACall) // who asked hears of it
	return nil
}
