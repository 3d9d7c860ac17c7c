//go:build !windows

package swap

import "os"

// Into gives the file from the name to, in the same folder, whatever has it. The
// folder is yet to be brought to the disk.
func Into(from, to string) error { return os.Rename(from, to) }
