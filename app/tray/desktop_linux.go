package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/godbus/dbus/v5"
)

const (
	// trayName is ours on the session bus; a tray for a service other than the
	// system's has another.
	trayName    = "org.holdfast.Tray"
	watcherName = "org.kde.StatusNotifierWatcher"
)

// session is a desktop session by its message bus: a name on it is had once.
type session struct{ conn *dbus.Conn }

func enterDesktop(socket string) (desktop, error) {
	conn, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return nil, fmt.Errorf("find the session bus: %w", err)
	}
	s := &session{conn}
	if err := s.enter(nameFor(socket)); err != nil {
		s.leave()
		return nil, err
	}
	return s, nil
}

func nameFor(socket string) string {
	if socket == defaultSocket {
		return trayName
	}
	sum := sha256.Sum256([]byte(socket))
	return trayName + ".s" + hex.EncodeToString(sum[:4])
}

func (s *session) enter(name string) error {
	if err := s.conn.Auth(nil); err != nil {
		return fmt.Errorf("use the session bus: %w", err)
	}
	if err := s.conn.Hello(); err != nil {
		return fmt.Errorf("use the session bus: %w", err)
	}
	got, err := s.conn.RequestName(name, dbus.NameFlagDoNotQueue)
	if err != nil {
		return fmt.Errorf("take a name on the session bus: %w", err)
	}
	if got != dbus.RequestNameReplyPrimaryOwner {
		return errThereAlready
	}
	return nil
}

func (s *session) hasTray() bool {
	var has bool
	err := s.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&has)
	return err == nil && has
}

func (s *session) gone() <-chan struct{} { return s.conn.Context().Done() }

func (s *session) leave() { _ = s.conn.Close() }
