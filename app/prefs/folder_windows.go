package prefs

import (
	"os"
	"path/filepath"
)

// configDir is %LOCALAPPDATA%\Holdfast.
func configDir() (string, error) {
	dir, err := os.UserCacheDir() // which is the local data
	return filepath.Join(dir, "Holdfast"), err
}
