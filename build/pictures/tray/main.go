//go:build linux

// Command tray takes the pictures of the tray that the README shows, from the
// real programs: the tray before the demo's service, on a desktop of its own with
// a real panel and a real server of notifications.
//
//	go run ./build/pictures/tray DIR
//
// It writes into DIR tray.png, tray-menu.png, tray-notification.png (a move to
// another tunnel), tray-trouble.png (none answers), and tray-reason.png, the menu
// then. It needs Xvfb, dbus-daemon, openbox, xfce4-panel, dunst, xdotool and
// ImageMagick's import, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"holdfast/service/demo"
	"holdfast/service/lab"
	"holdfast/service/tunnel"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./build/pictures/tray DIR")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := take(ctx, os.Args[1])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

// take puts everything up, takes the pictures, and takes everything down.
func take(ctx context.Context, out string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "holdfast-tray")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./app/tray").CombinedOutput(); err != nil {
		return fmt.Errorf("build the tray: %w\n%s", err, text)
	}
	d, err := demo.Start(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("start the demo: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	desk, err := openDesktop(ctx, dir)
	if err != nil {
		return err
	}
	defer desk.close()
	if err := desk.start(program, "--socket", d.Socket()); err != nil {
		return err
	}
	return shoot(ctx, desk, d, out)
}

// shoot plays the scenes.
func shoot(ctx context.Context, desk *desktop, d *demo.Demo, out string) error {
	if err := desk.waitFor(ctx, "Holdfast: Protected via berlin"); err != nil {
		return err
	}
	icon, err := desk.find(ctx, green)
	if err != nil {
		return err
	}
	if err := desk.shot(ctx, filepath.Join(out, "tray.png"), iconCorner); err != nil {
		return err
	}
	if err := desk.menu(ctx, icon); err != nil {
		return err
	}
	// Past Disconnect and Reconnect to the tunnels, and into their menu.
	if err := desk.key(ctx, "Down", "Down", "Down", "Right"); err != nil {
		return err
	}
	if err := desk.shot(ctx, filepath.Join(out, "tray-menu.png"), menuCorner); err != nil {
		return err
	}
	if err := desk.key(ctx, "Escape", "Escape"); err != nil {
		return err
	}
	if err := desk.xdotool(ctx, "mousemove", "10", strconv.Itoa(height-10)); err != nil {
		return err
	}
	if err := d.Do(lab.Step{Verb: lab.VerbBreak, Server: "berlin", Faults: []lab.Fault{"blackhole"}}); err != nil {
		return err
	}
	if err := desk.waitFor(ctx, "Holdfast: Protected via paris"); err != nil {
		return err
	}
	if err := desk.settle(ctx); err != nil {
		return err
	}
	if err := desk.shot(ctx, filepath.Join(out, "tray-notification.png"), noteCorner); err != nil {
		return err
	}
	return trouble(ctx, desk, d, icon, out)
}

// trouble is no member that answers: what the menu and the desktop say then.
func trouble(ctx context.Context, desk *desktop, d *demo.Demo, icon image.Point, out string) error {
	for _, server := range []tunnel.Name{"paris", "oslo"} {
		if err := d.Do(lab.Step{Verb: lab.VerbBreak, Server: server, Faults: []lab.Fault{"blackhole"}}); err != nil {
			return err
		}
	}
	if err := desk.waitFor(ctx, "Holdfast: Stalled: paris carries nothing"); err != nil {
		return err
	}
	if err := desk.waitForReason(ctx); err != nil {
		return err
	}
	if err := desk.settle(ctx); err != nil {
		return err
	}
	if err := desk.shot(ctx, filepath.Join(out, "tray-trouble.png"), noteCorner); err != nil {
		return err
	}
	if err := desk.menu(ctx, icon); err != nil {
		return err
	}
	if err := desk.key(ctx, "Down"); err != nil { // which takes the tooltip away
		return err
	}
	return desk.shot(ctx, filepath.Join(out, "tray-reason.png"), menuCorner)
}
