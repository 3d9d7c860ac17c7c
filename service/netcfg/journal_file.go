//go:build linux || windows

package netcfg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"holdfast/service/swap"
)

// journalName is the file in Options.StateDir that says what has to be put back.
const journalName = "netcfg.json"

// replaceFile gives path a new content in one step, by way of the name temp in
// the same folder. A temp that a killed process left is overwritten. A lasting
// content is on the disk before and after the step.
func replaceFile(path, temp string, content []byte, mode os.FileMode, lasting bool) error {
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode))
	if lasting {
		err = errors.Join(err, f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = swap.Into(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if lasting {
		return syncDir(filepath.Dir(path))
	}
	return nil
}
