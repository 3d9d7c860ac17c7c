package agent

import (
	"os"
	"path/filepath"
)

// ownFolder is in the person's own temporary folder, which the system makes for
// each account ($TMPDIR).
func ownFolder() (string, error) {
	return filepath.Join(os.TempDir(), "holdfast"), nil
}
