package autostart

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"
)

const trayName = "holdfast-tray.exe"

// The person's own list of what starts at login, and our value in it.
const (
	runKey   = `Software\Microsoft\Windows\CurrentVersion\Run`
	runValue = "Holdfast"
)

func enabled() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer key.Close()
	_, _, err = key.GetStringValue(runValue)
	return err == nil
}

func enable(tray string) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("open the list of what starts at login: %w", err)
	}
	defer key.Close()
	// A path on Windows cannot hold a quote.
	if err := key.SetStringValue(runValue, `"`+tray+`"`); err != nil {
		return fmt.Errorf("write what starts at login: %w", err)
	}
	return nil
}

func disable() error {
	key, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the list of what starts at login: %w", err)
	}
	defer key.Close()
	if err := key.DeleteValue(runValue); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("remove what starts at login: %w", err)
	}
	return nil
}
