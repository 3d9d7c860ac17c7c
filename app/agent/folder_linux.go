package agent

import (
	"os"
	"path/filepath"
)

// ownFolder is the person's folder for what lasts as long as their login; where
// the system gives them none, one in their cache.
func ownFolder() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		// After sudo it may still be another person's: what root left there, they could not use.
		if info, err := os.Lstat(dir); err == nil && isPrivate(info) {
			return filepath.Join(dir, "holdfast"), nil
		}
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "holdfast", "run"), err
}
