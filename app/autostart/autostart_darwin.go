package autostart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// label names the agent to launchd.
const label = "app.holdfast.tray"

// agentPath is the person's own agent, which launchd loads when they log in.
func agentPath() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find your home: %w", err)
	}
	return filepath.Join(home, "Library", "LaunchAgents", label+".plist"), nil
}

func enabled() bool {
	path, err := agentPath()
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

func enable(tray string) error {
	path, err := agentPath()
	if err != nil {
		return err
	}
	text, err := agentText(tray)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the folder for what starts at login: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write what starts at login: %w", err)
	}
	return nil
}

func disable() error {
	path, err := agentPath()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what starts at login: %w", err)
	}
	return nil
}

func forget() error { return disable() }

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
	<key>Label</key><string>` + label + `</string>
	<key>ProgramArguments</key><array><string>` + path.String() + `</string></array>
	<key>RunAtLoad</key><true/>
	<key>LimitLoadToSessionType</key><string>Aqua</string>
	<key>ProcessType</key><string>Interactive</string>
</dict>
</plist>
`, nil
}
