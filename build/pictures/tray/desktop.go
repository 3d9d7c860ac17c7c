//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	width, height = 1280, 800
	// tick is the time between two looks.
	tick = 100 * time.Millisecond
)

// The parts of the screen where things happen.
var (
	iconCorner = image.Rect(width-240, 0, width, 60)
	menuCorner = image.Rect(width-560, 0, width, 330)
	noteCorner = image.Rect(width-560, 0, width, 190)
)

// green is the colour of the icon of a tunnel that holds.
var green = color.NRGBA{0x1f, 0x9d, 0x57, 0xff}

// desktop is a screen that nobody sees, and what runs on it.
type desktop struct {
	dir     string
	env     []string
	running []*exec.Cmd
	bus     *dbus.Conn
	tray    int // its process
}

func openDesktop(ctx context.Context, dir string) (*desktop, error) {
	d := &desktop{dir: dir}
	if err := d.open(ctx); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *desktop) open(ctx context.Context) error {
	d.env = append(os.Environ(), "HOME="+d.dir, "XDG_CONFIG_HOME="+d.dir+"/config", "XDG_CACHE_HOME="+d.dir+"/cache",
		"XDG_RUNTIME_DIR="+d.dir+"/run", "XDG_CURRENT_DESKTOP=XFCE", "LANG=C.UTF-8", "LANGUAGE=", "NO_AT_BRIDGE=1", "GTK_THEME=Adwaita")
	if err := d.configure(); err != nil {
		return err
	}
	display, err := d.readLine("Xvfb", "-displayfd", "1", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-nolisten", "tcp", "-wr")
	if err != nil {
		return err
	}
	d.env = append(d.env, "DISPLAY=:"+display)
	address, err := d.readLine("dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:dir="+d.dir)
	if err != nil {
		return err
	}
	d.env = append(d.env, "DBUS_SESSION_BUS_ADDRESS="+address)
	if d.bus, err = dbus.Connect(address); err != nil {
		return err
	}
	for _, program := range [][]string{{"openbox"}, {"xfce4-panel", "--disable-wm-check"}, {"dunst"}} {
		if err := d.start(program[0], program[1:]...); err != nil {
			return err
		}
	}
	for _, name := range []string{"org.kde.StatusNotifierWatcher", "org.freedesktop.Notifications"} {
		if err := d.until(ctx, name, func() bool { return d.has(name) }); err != nil {
			return err
		}
	}
	return nil
}

// readLine starts a program and returns the first line it writes.
func (d *desktop) readLine(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = d.env
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	d.running = append(d.running, cmd)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
	return strings.TrimSpace(line), nil
}

// start starts a program on the desktop. It ends with it.
func (d *desktop) start(name string, args ...string) error {
	log, err := os.Create(filepath.Join(d.dir, filepath.Base(name)+".log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	d.running = append(d.running, cmd)
	d.tray = cmd.Process.Pid // the last that is started
	return nil
}

// close ends what was started, the last first.
func (d *desktop) close() {
	for _, cmd := range slices.Backward(d.running) {
		_ = cmd.Process.Signal(os.Interrupt)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_ = cmd.Wait()
		}()
		select {
		case <-gone:
		case <-time.After(3 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
		}
	}
	if d.bus != nil {
		_ = d.bus.Close()
	}
}

// until looks again and again until something is so.
func (d *desktop) until(ctx context.Context, what string, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-time.After(tick):
		}
	}
	return nil
}

func (d *desktop) has(name string) bool {
	var has bool
	return d.bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&has) == nil && has
}

// waitFor waits until the icon's tooltip says so, and the screen shows it.
func (d *desktop) waitFor(ctx context.Context, tooltip string) error {
	item := d.bus.Object(fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", d.tray), "/StatusNotifierItem")
	err := d.until(ctx, tooltip, func() bool {
		v, err := item.GetProperty("org.kde.StatusNotifierItem.ToolTip")
		if err != nil {
			return false
		}
		fields, ok := v.Value().([]any)
		return ok && len(fields) == 4 && fields[2] == tooltip
	})
	if err != nil {
		return err
	}
	return d.settle(ctx)
}

// waitForReason waits until the second line of the menu, which says why, is there.
func (d *desktop) waitForReason(ctx context.Context) error {
	menu := d.bus.Object(fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", d.tray), "/StatusNotifierItem/menu")
	const reason = int32(2)
	return d.until(ctx, "the reason in the menu", func() bool {
		var visible dbus.Variant
		err := menu.Call("com.canonical.dbusmenu.GetProperty", 0, reason, "visible").Store(&visible)
		return err == nil && visible.Value() == true
	})
}

// settle waits until two pictures of the screen, a moment apart, are the same.
func (d *desktop) settle(ctx context.Context) error {
	var last []byte
	return d.until(ctx, "a still screen", func() bool {
		m, err := d.screen(ctx)
		if err != nil {
			return false
		}
		time.Sleep(5 * tick)
		n, err := d.screen(ctx)
		if err != nil {
			return false
		}
		last = n.Pix
		return string(m.Pix) == string(last)
	})
}

// screen is what the screen shows.
func (d *desktop) screen(ctx context.Context) (*image.NRGBA, error) {
	cmd := exec.CommandContext(ctx, "import", "-window", "root", "png:-")
	cmd.Env = d.env
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m, err := png.Decode(out)
	_, _ = io.Copy(io.Discard, out)
	if waitErr := cmd.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return nil, fmt.Errorf("take a picture: %w", err)
	}
	all := image.NewNRGBA(m.Bounds())
	for y := range all.Bounds().Dy() {
		for x := range all.Bounds().Dx() {
			all.Set(x, y, m.At(x, y))
		}
	}
	return all, nil
}

// shot writes a part of the screen into a file.
func (d *desktop) shot(ctx context.Context, path string, part image.Rectangle) error {
	m, err := d.screen(ctx)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = png.Encode(f, m.SubImage(part))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// find is the middle of what has a colour.
func (d *desktop) find(ctx context.Context, c color.NRGBA) (image.Point, error) {
	var sum image.Point
	n := 0
	err := d.until(ctx, "the icon on the screen", func() bool {
		m, err := d.screen(ctx)
		if err != nil {
			return false
		}
		sum, n = image.Point{}, 0
		for y := range height {
			for x := range width {
				if m.NRGBAAt(x, y) == c {
					sum, n = sum.Add(image.Pt(x, y)), n+1
				}
			}
		}
		return n > 20
	})
	if err != nil {
		return sum, err
	}
	return sum.Div(n), nil
}

// menu opens the menu of an icon.
func (d *desktop) menu(ctx context.Context, icon image.Point) error {
	if err := d.xdotool(ctx, "mousemove", strconv.Itoa(icon.X), strconv.Itoa(icon.Y), "click", "3"); err != nil {
		return err
	}
	return d.settle(ctx)
}

func (d *desktop) key(ctx context.Context, keys ...string) error {
	for _, k := range keys {
		if err := d.xdotool(ctx, "key", k); err != nil {
			return err
		}
	}
	return d.settle(ctx)
}

func (d *desktop) xdotool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = d.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("xdotool %s: %w\n%s", args[0], err, out)
	}
	return nil
}
