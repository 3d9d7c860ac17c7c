package autostart

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// entryName is the desktop entry of the tray, here and in the package that
// installs it for everyone.
const entryName = "holdfast-tray.desktop"

// places are where desktops look for what starts at login (XDG autostart): the
// person's own folder, whose entries come before those of the same name in the
// system's.
type places struct {
	own    string
	system []string
}

func findPlaces() (places, error) {
	own, err := os.UserConfigDir()
	if err != nil {
		return places{}, fmt.Errorf("find your config folder: %w", err)
	}
	system := os.Getenv("XDG_CONFIG_DIRS")
	if system == "" {
		system = "/etc/xdg"
	}
	p := places{own: filepath.Join(own, "autostart", entryName)}
	for _, dir := range filepath.SplitList(system) {
		p.system = append(p.system, filepath.Join(dir, "autostart", entryName))
	}
	return p, nil
}

func enabled() bool {
	p, err := findPlaces()
	return err == nil && p.enabled()
}

func enable(tray string) error {
	p, err := findPlaces()
	if err != nil {
		return err
	}
	return p.enable(tray)
}

func disable() error {
	p, err := findPlaces()
	if err != nil {
		return err
	}
	return p.disable()
}

func forget() error {
	p, err := findPlaces()
	if err != nil {
		return err
	}
	return remove(p.own)
}

// enabled goes by the first entry there is.
func (p places) enabled() bool {
	for _, path := range append([]string{p.own}, p.system...) {
		text, err := os.ReadFile(path)
		if err == nil {
			return !isHidden(text)
		}
	}
	return false
}

// enable leaves it to the system's entry where there is one.
func (p places) enable(tray string) error {
	if p.forEveryone() {
		return remove(p.own)
	}
	return p.write("[Desktop Entry]\nType=Application\nName=Holdfast\nComment=The state of your tunnels, in the tray\n" +
		"Exec=" + quote(tray) + "\nIcon=holdfast\nTerminal=false\nX-GNOME-Autostart-enabled=true\n")
}

// disable hides the system's entry where there is one.
func (p places) disable() error {
	if !p.forEveryone() {
		return remove(p.own)
	}
	return p.write("[Desktop Entry]\nType=Application\nName=Holdfast\nHidden=true\n")
}

// forEveryone says that a package starts the tray for all accounts.
func (p places) forEveryone() bool {
	for _, path := range p.system {
		if text, err := os.ReadFile(path); err == nil {
			return !isHidden(text)
		}
	}
	return false
}

func (p places) write(text string) error {
	if err := os.MkdirAll(filepath.Dir(p.own), 0o700); err != nil {
		return fmt.Errorf("make the folder for what starts at login: %w", err)
	}
	if err := os.WriteFile(p.own, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write what starts at login: %w", err)
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what starts at login: %w", err)
	}
	return nil
}

// isHidden says that an entry is there to say no.
func isHidden(text []byte) bool {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		switch strings.TrimSpace(key) {
		case "Hidden":
			if strings.TrimSpace(value) == "true" {
				return true
			}
		case "X-GNOME-Autostart-enabled":
			if strings.TrimSpace(value) == "false" {
				return true
			}
		}
	}
	return false
}

// quote writes a path as one argument of Exec: in quotes, the four characters
// that keep a meaning there escaped, then the backslashes again for the value,
// and each percent sign doubled.
func quote(path string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(path)
	return `"` + strings.NewReplacer(`\`, `\\`, `%`, `%%`).Replace(quoted) + `"`
}
