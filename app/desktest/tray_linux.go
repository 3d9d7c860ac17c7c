package desktest

import (
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	watcher     = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
	item        = "org.kde.StatusNotifierItem"
	dbusMenu    = "com.canonical.dbusmenu"
)

// Watcher is what a panel with a tray is to those who have an icon.
type Watcher struct {
	conn *dbus.Conn

	mu    sync.Mutex
	items []*Item
}

// ServeWatcher begins to take icons.
func ServeWatcher(t testing.TB, address string) *Watcher {
	t.Helper()
	w := &Watcher{conn: Connect(t, address)}
	if err := w.conn.Export(watching{w}, watcherPath, watcher); err != nil {
		t.Fatal(err)
	}
	own(t, w.conn, watcher)
	return w
}

// Items are the icons that were registered.
func (w *Watcher) Items() []*Item {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Item{}, w.items...)
}

// Item waits for the first icon.
func (w *Watcher) Item(t testing.TB) *Item {
	t.Helper()
	WaitFor(t, "an icon in the tray", func() bool { return len(w.Items()) > 0 })
	return w.Items()[0]
}

// watching are the methods on the bus.
type watching struct{ w *Watcher }

// RegisterStatusNotifierItem takes an icon: a path, where the sender has it.
func (x watching) RegisterStatusNotifierItem(path string, sender dbus.Sender) *dbus.Error {
	x.w.mu.Lock()
	defer x.w.mu.Unlock()
	x.w.items = append(x.w.items, &Item{
		object: x.w.conn.Object(string(sender), dbus.ObjectPath(path)),
		menu:   x.w.conn.Object(string(sender), dbus.ObjectPath(path+"/menu")),
	})
	return nil
}

// Item is an icon in the tray, as a panel sees it.
type Item struct{ object, menu dbus.BusObject }

// Pixmap is a picture, ARGB row by row.
type Pixmap struct {
	W, H int32
	Pix  []byte
}

// Text is one of the icon's properties that are text.
func (i *Item) Text(t testing.TB, property string) string {
	t.Helper()
	v, err := i.object.GetProperty(item + "." + property)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := v.Value().(string)
	return text
}

// Icon is what the icon looks like.
func (i *Item) Icon(t testing.TB) Pixmap {
	t.Helper()
	v, err := i.object.GetProperty(item + ".IconPixmap")
	if err != nil {
		t.Fatal(err)
	}
	var all []Pixmap
	if err := v.Store(&all); err != nil || len(all) != 1 {
		t.Fatalf("%v: %v", v.Signature(), err)
	}
	return all[0]
}

// Tooltip is what is shown beside the icon.
func (i *Item) Tooltip(t testing.TB) string {
	t.Helper()
	v, err := i.object.GetProperty(item + ".ToolTip")
	if err != nil {
		t.Fatal(err)
	}
	var tip struct {
		Name  string
		Icons []Pixmap
		Title string
		Text  string
	}
	if err := v.Store(&tip); err != nil {
		t.Fatal(err)
	}
	return tip.Title
}

// Activate is a click on the icon.
func (i *Item) Activate(t testing.TB) {
	t.Helper()
	if err := i.object.Call(item+".Activate", 0, int32(1), int32(1)).Err; err != nil {
		t.Fatal(err)
	}
}

// Line is one line of a menu, as it is shown.
type Line struct {
	ID      int32
	Label   string
	Off     bool // it cannot be chosen
	Ticks   bool // it has a place for a tick
	Ticked  bool
	Divider bool
	Below   []Line
}

// Menu reads the menu: the lines that are visible.
func (i *Item) Menu(t testing.TB) []Line {
	t.Helper()
	var revision uint32
	var root layout
	if err := i.menu.Call(dbusMenu+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		t.Fatal(err)
	}
	return root.lines(t)
}

// Click chooses a line of the menu.
func (i *Item) Click(t testing.TB, id int32) {
	t.Helper()
	i.event(t, id, "clicked")
}

// Opened tells the icon that its menu is shown.
func (i *Item) Opened(t testing.TB) {
	t.Helper()
	i.event(t, 0, "opened")
}

func (i *Item) event(t testing.TB, id int32, kind string) {
	t.Helper()
	if err := i.menu.Call(dbusMenu+".Event", 0, id, kind, dbus.MakeVariant(0), uint32(0)).Err; err != nil {
		t.Fatal(err)
	}
}

// layout is a menu on the bus.
type layout struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

func (l layout) lines(t testing.TB) []Line {
	t.Helper()
	out := []Line{}
	for _, v := range l.Children {
		var child layout
		if err := dbus.Store([]any{v.Value()}, &child); err != nil {
			t.Fatal(err)
		}
		if visible, set := child.Props["visible"].Value().(bool); set && !visible {
			continue
		}
		out = append(out, child.line(t))
	}
	return out
}

func (l layout) line(t testing.TB) Line {
	t.Helper()
	label, _ := l.Props["label"].Value().(string)
	enabled, set := l.Props["enabled"].Value().(bool)
	kind, _ := l.Props["type"].Value().(string)
	toggle, _ := l.Props["toggle-type"].Value().(string)
	state, _ := l.Props["toggle-state"].Value().(int32)
	line := Line{ID: l.ID, Label: label, Off: set && !enabled, Divider: kind == "separator", Ticks: toggle != "", Ticked: state == 1}
	if len(l.Children) > 0 {
		line.Below = l.lines(t)
	}
	return line
}
