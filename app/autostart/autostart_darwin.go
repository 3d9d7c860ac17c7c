package autostart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/installer/macos"
)

// agents are the files that say whether the tray starts at login: the package's,
// which starts it for everyone; the person's own; and one by which a person declines
// the package's, with which the tray leaves again.
type agents struct{ everyone, own, declined string }

func findAgents() (agents, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return agents{}, fmt.Errorf("find your home: %w", err)
	}
	library := filepath.Join(home, "Library")
	return agents{
		everyone: macos.TrayPlist,
		own:      filepath.Join(library, "LaunchAgents", macos.TrayLabel+".own.plist"),
		declined: filepath.Join(library, "Application Support", "Holdfast", "no-tray-at-login"),
	}, nil
}

func enabled() bool {
	a, err := findAgents()
	return err == nil && (exists(a.own) || exists(a.everyone) && !exists(a.declined))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// enable leaves it to the package's file where there is one.
func enable(tray string) error {
	if err := forget(); err != nil {
		return err
	}
	a, err := findAgents()
	if err != nil || exists(a.everyone) {
		return err
	}
	text, err := agentText(tray)
	if err != nil {
		return err
	}
	return write(a.own, text)
}

func disable() error {
	if err := forget(); err != nil {
		return err
	}
	a, err := findAgents()
	if err != nil || !exists(a.everyone) {
		return err
	}
	return write(a.declined, "")
}

func forget() error {
	a, err := findAgents()
	if err != nil {
		return err
	}
	for _, path := range []string{a.own, a.declined} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what starts at login: %w", err)
		}
	}
	return nil
}

func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder for what starts at login: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write what starts at login: %w", err)
	}
	return nil
}

// agentText starts the tray once at login, in the desktop only. It is not started
// again when it ends: who quits the tray means it.
func agentText(tray string) (string, error) {
	var path strings.Builder
	if err := xml.EscapeText(&path, []byte(tray)); err != nil {
		return "", fmt.Errorf("write what starts at login: %w", err)
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key><string>` + macos.TrayLabel + `.own</string>
	<key>ProgramArguments</key><array><string>` + path.String() + `</string><string>` + macos.AtLogin + `</string></array>
	<key>RunAtLoad</key><true/>
	<key>LimitLoadToSessionType</key><string>Aqua</string>
	<key>ProcessType</key><string>Interactive</string>
</dict>
</plist>
`, nil
}
