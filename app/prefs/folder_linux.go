package prefs

import (
	"os"
	"path/filepath"
)

// configDir is $XDG_CONFIG_HOME/holdfast, or ~/.config/holdfast.
func configDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "holdfast"), err
}
