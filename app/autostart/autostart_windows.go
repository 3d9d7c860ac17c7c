package autostart

import (
	"errors"
	"fmt"

	"golang.org/x/sys/windows/registry"

	"holdfast/installer/windows"
)

const trayName = windows.Tray

// What starts at login is listed twice: for everyone, where the installer enters
// the tray, and for one person. Where it is entered for everyone, a person who does
// not want it says so in a key of their own, and the tray leaves again.
const (
	ownKey     = `Software\Holdfast`
	startValue = "StartTrayAtLogin" // 0: no; anything else, or none: yes
)

func enabled() bool {
	return hasValue(registry.CURRENT_USER) || hasValue(registry.LOCAL_MACHINE) && !declined()
}

// hasValue says that the tray is entered in a list.
func hasValue(root registry.Key) bool {
	key, err := registry.OpenKey(root, windows.RunKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer func() { _ = key.Close() }()
	_, _, err = key.GetStringValue(windows.RunValue)
	return err == nil
}

func declined() bool {
	key, err := registry.OpenKey(registry.CURRENT_USER, ownKey, registry.QUERY_VALUE)
	if err != nil {
		return false
	}
	defer func() { _ = key.Close() }()
	start, _, err := key.GetIntegerValue(startValue)
	return err == nil && start == 0
}

// enable leaves it to the entry for everyone where there is one.
func enable(tray string) error {
	if hasValue(registry.LOCAL_MACHINE) {
		return forget()
	}
	return set(windows.RunKey, func(key registry.Key) error {
		// A path on Windows cannot hold a quote.
		return key.SetStringValue(windows.RunValue, `"`+tray+`" `+windows.AtLogin)
	})
}

func disable() error {
	if err := removeValue(); err != nil {
		return err
	}
	if !hasValue(registry.LOCAL_MACHINE) {
		return nil
	}
	return set(ownKey, func(key registry.Key) error { return key.SetDWordValue(startValue, 0) })
}

func forget() error {
	if err := removeValue(); err != nil {
		return err
	}
	if err := registry.DeleteKey(registry.CURRENT_USER, ownKey); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("remove what starts at login: %w", err)
	}
	return nil
}

// set changes a key of the person's, which is made where there is none.
func set(path string, change func(registry.Key) error) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, path, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("open the list of what starts at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	if err := change(key); err != nil {
		return fmt.Errorf("write what starts at login: %w", err)
	}
	return nil
}

// removeValue takes the tray out of the person's list.
func removeValue() error {
	key, err := registry.OpenKey(registry.CURRENT_USER, windows.RunKey, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the list of what starts at login: %w", err)
	}
	defer func() { _ = key.Close() }()
	if err := key.DeleteValue(windows.RunValue); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("remove what starts at login: %w", err)
	}
	return nil
}
