package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openFolder makes the folder for the door and the codes where it is missing,
// and refuses one that anyone but the person may enter. "": the person's own.
func openFolder(dir string) (string, error) {
	if dir == "" {
		var err error
		if dir, err = ownFolder(); err != nil {
			return "", fmt.Errorf("find a folder for the page: %w", err)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find a folder for the page: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the page: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the folder for the page: %w", err)
	}
	if info.Mode().Type() != fs.ModeDir || !isPrivate(info) {
		return "", fmt.Errorf("use the folder %s for the page: %w", dir, errOpenFolder)
	}
	return dir, nil
}

// errOpenFolder says that others could read what is put into a folder, or put
// something into its place.
var errOpenFolder = errors.New("it is not yours alone (chmod 700 it, or remove it)")
