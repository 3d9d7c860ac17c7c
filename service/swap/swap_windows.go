package swap

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// A program that looks into every new file, such as one that searches for viruses,
// may hold ours for a moment.
const (
	tries = 10
	pause = 20 * time.Millisecond // doubled each time, up to a second
)

// Into gives the file from the name to, in the same folder, whatever has it, and
// has brought that to the disk.
func Into(from, to string) error {
	from16, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	to16, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for try, wait := 1, pause; ; try, wait = try+1, min(2*wait, time.Second) {
		err := windows.MoveFileEx(from16, to16, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if err == nil {
			return nil
		}
		held := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !held || try == tries {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		time.Sleep(wait)
	}
}
