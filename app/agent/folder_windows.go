package agent

import (
	"io/fs"
	"os"
	"path/filepath"
)

// ownFolder is in the person's local data, which only they, SYSTEM and
// administrators may enter. What is made below it inherits that.
func ownFolder() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "Holdfast", "run"), err
}

// isPrivate has nothing to look at: a folder's mode says nothing on Windows.
func isPrivate(fs.FileInfo) bool { return true }
