package agent

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// askWait is how long the desktop may take to say which browser is the person's.
const askWait = 2 * time.Second

// wayTo is the way that fits the person's browser. One that is kept in a box
// cannot read the folder that the file is in.
func wayTo(ctx context.Context) Way {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	out, err := exec.CommandContext(ctx, "xdg-settings", "get", "default-web-browser").Output()
	if err == nil && isBoxed(strings.TrimSpace(string(out)), boxes()) {
		return ByLink
	}
	return ByFile
}

// boxes are the folders in which snap and Flatpak put the entries of their programs.
func boxes() []string {
	dirs := []string{"/var/lib/snapd/desktop/applications", "/var/lib/flatpak/exports/share/applications"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".local/share/flatpak/exports/share/applications"))
	}
	return dirs
}

// isBoxed says that a desktop entry is in one of the folders.
func isBoxed(entry string, dirs []string) bool {
	if entry == "" || entry != filepath.Base(entry) {
		return false
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, entry)); err == nil {
			return true
		}
	}
	return false
}
