package notify

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	installer "holdfast/installer/windows"
)

const (
	// appKey is removed with the program, by Forget.
	appKey = `Software\Classes\AppUserModelId\` + installer.AppID
	// appIconSize is that of the icon of a toast, in pixels.
	appIconSize = 64
)

// registerApp gives the program a name and an icon on the desktop of the person,
// and this process the ID of it.
func registerApp(o ScreenOptions) error {
	key, _, err := registry.CreateKey(registry.CURRENT_USER, appKey, registry.SET_VALUE)
	if err != nil {
		return fmt.Errorf("register the program: %w", err)
	}
	defer func() { _ = key.Close() }()
	if err := key.SetStringValue("DisplayName", "Holdfast"); err != nil {
		return fmt.Errorf("register the program: %w", err)
	}
	if path, err := writeAppIcon(o); err == nil && path != "" {
		if err := key.SetStringValue("IconUri", path); err != nil {
			return fmt.Errorf("register the program: %w", err)
		}
	}
	id, err := windows.UTF16PtrFromString(installer.AppID)
	if err != nil {
		return err
	}
	if r, _, _ := procSetAppID.Call(uintptr(unsafe.Pointer(id))); r != 0 {
		return fmt.Errorf("name the process: error %#x", r)
	}
	return nil
}

// Forget removes the program's name and icon from the desktop of the person. The
// file of the icon is removed with their preferences.
func Forget() error {
	if err := registry.DeleteKey(registry.CURRENT_USER, appKey); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return fmt.Errorf("remove the registration of the program: %w", err)
	}
	return nil
}

// writeAppIcon writes the icon of the program to where the desktop reads it.
// "": there is none.
func writeAppIcon(o ScreenOptions) (string, error) {
	if o.Picture == nil {
		return "", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "Holdfast")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, o.Picture(Note{}, appIconSize)); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "holdfast.png")
	return path, os.WriteFile(path, b.Bytes(), 0o600)
}
