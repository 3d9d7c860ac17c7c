//go:build !linux && !windows

package prefs

import (
	"os"
	"path/filepath"
)

// configDir is ~/Library/Application Support/Holdfast.
func configDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "Holdfast"), err
}
