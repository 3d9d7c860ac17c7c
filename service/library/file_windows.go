package library

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/service/acl"
	"holdfast/service/swap"
)

// makeDir makes a directory for administrators and ourselves alone, where there is
// none.
func makeDir(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return nil
	}
	return acl.MakePrivate(dir)
}

// closeToOthers keeps everybody but administrators and ourselves out of the
// directory, if nothing but ours is in it. One in which others can write is refused
// then, as they could put files of theirs in the place of ours.
func closeToOthers(dir string) error {
	others, err := acl.Strangers(dir, acl.Use)
	if err != nil || len(others) == 0 {
		return err
	}
	ours, err := holdsOnlyOurs(dir)
	if err != nil {
		return err
	}
	if ours {
		return acl.MakePrivate(dir)
	}
	if others, err = acl.Strangers(dir, acl.Change); err != nil || len(others) == 0 {
		return err
	}
	return fmt.Errorf("others can write in %s: %s; use a directory of its own", dir, strings.Join(others, ", "))
}

// readFile reads a regular file of at most so many bytes. It opens links and mount
// points themselves, and refuses them.
func readFile(path string, most int) ([]byte, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(h), path)
	defer func() { _ = f.Close() }()
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return nil, err
	}
	if info.FileAttributes&(windows.FILE_ATTRIBUTE_REPARSE_POINT|windows.FILE_ATTRIBUTE_DIRECTORY) != 0 {
		return nil, errNotAFile
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		err = errTooLarge
	}
	return text, err
}

// writeFile puts text at path, whole or not at all, and brings it to the disk. The
// file is for administrators and ourselves alone, wherever it is moved.
func writeFile(path string, text []byte) (err error) {
	f, err := createPrivate(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return swap.Into(f.Name(), path)
}

// createPrivate makes a new file beside path, with rights of its own from the
// beginning.
func createPrivate(path string) (*os.File, error) {
	self, err := acl.Self()
	if err != nil {
		return nil, err
	}
	sd, err := windows.SecurityDescriptorFromString(acl.Private(self, false))
	if err != nil {
		return nil, err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	for n := range 1000 {
		temp := fmt.Sprintf("%s%c.%s%d", filepath.Dir(path), filepath.Separator, filepath.Base(path), n)
		name, err := windows.UTF16PtrFromString(temp)
		if err != nil {
			return nil, err
		}
		h, err := windows.CreateFile(name, windows.GENERIC_WRITE, 0, &sa, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
		switch {
		case err == nil:
			return os.NewFile(uintptr(h), temp), nil
		case !errors.Is(err, windows.ERROR_FILE_EXISTS) && !errors.Is(err, windows.ERROR_ALREADY_EXISTS):
			return nil, &os.PathError{Op: "create", Path: temp, Err: err}
		}
	}
	return nil, &os.PathError{Op: "create", Path: path, Err: errors.New("too many leftovers are in the way")}
}

// syncDir has nothing to do: the swap was written through, and NTFS keeps a
// journal of its names.
func syncDir(string) error { return nil }
