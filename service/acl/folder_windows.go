package acl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// MakePrivate makes a folder that only SYSTEM, administrators and the account of
// this process may use, and gives an existing one these rights. It refuses one
// that leads elsewhere, or that somebody else has made.
func MakePrivate(dir string) error {
	self, err := Self()
	if err != nil {
		return err
	}
	sd, err := windows.SecurityDescriptorFromString(Private(self, true))
	if err != nil {
		return fmt.Errorf("make the rights of %s: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	if err := windows.CreateDirectory(name, &sa); err != nil && !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	h, info, err := open(dir, windows.READ_CONTROL|windows.WRITE_DAC)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	if info.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY == 0 {
		return &os.PathError{Op: "open", Path: dir, Err: windows.ERROR_DIRECTORY}
	}
	if err := inPlace(h, dir); err != nil {
		return err
	}
	return protect(h, dir, self, sd)
}

// inPlace refuses a folder that is reached by way of a link further up.
func inPlace(h windows.Handle, dir string) error {
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, &buf[0], uint32(len(buf)), 0)
	if err != nil {
		return fmt.Errorf("find out where %s is: %w", dir, err)
	}
	if final := windows.UTF16ToString(buf[:n]); !strings.EqualFold(strings.TrimPrefix(final, `\\?\`), dir) {
		return fmt.Errorf("%s leads elsewhere: to %s", dir, final)
	}
	return nil
}

// protect sets the rights, once the folder's owner is known not to be a stranger:
// an owner can take any rights back.
func protect(h windows.Handle, dir, self string, sd *windows.SECURITY_DESCRIPTOR) error {
	trusted, err := system()
	if err != nil {
		return err
	}
	trusted = append(trusted, self)
	before, err := read(h, dir)
	if err != nil {
		return err
	}
	if others := (List{Owner: before.Owner}).Others(Change, trusted...); len(others) > 0 {
		return fmt.Errorf("%s belongs to %s; move it away", dir, names(others)[0])
	}
	if len(before.Others(Use, trusted...)) == 0 {
		return nil
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("set the rights of %s: %w", dir, err)
	}
	// The first hands the rights on to what is in the folder already; the second
	// leaves nothing of the folder above, which Wine's first does.
	err = windows.SetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
	if err != nil {
		return fmt.Errorf("set the rights of %s: %w", dir, err)
	}
	const parts = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetKernelObjectSecurity(h, parts, sd); err != nil {
		return fmt.Errorf("set the rights of %s: %w", dir, err)
	}
	after, err := read(h, dir)
	if err != nil {
		return err
	}
	if others := after.Others(Use, trusted...); len(others) > 0 {
		return fmt.Errorf("%s can still be used by %s", dir, strings.Join(names(others), ", "))
	}
	return nil
}
