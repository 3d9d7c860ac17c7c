package wg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/windows"

	installer "holdfast/installer/windows"
)

const (
	// driverName is the file that makes and drives the interface.
	driverName = "wintun.dll"
	// maxDriver is more than it has, in bytes.
	maxDriver = 4 << 20
	// driverAdvice is what helps, whatever is the matter with it.
	driverAdvice = "install Holdfast again, whose installer brings the right one"
)

// errDriver says that the driver of the interface is missing or is not the one
// that this program was made for, and is not loaded.
var errDriver = errors.New("the driver of the tunnel's interface cannot be used")

// holdDriver makes sure that the driver beside the program is the pinned one, and
// keeps it from being changed until release. Its loading looks beside the program
// first, and so takes this file and no other.
func holdDriver() (release func(), err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", driverName, err)
	}
	return holdFile(filepath.Join(filepath.Dir(program), driverName), runtime.GOARCH)
}

// holdFile is holdDriver for a file and an architecture.
func holdFile(path, arch string) (release func(), err error) {
	f, err := openHeld(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s; %s", errDriver, path, driverAdvice)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", errDriver, path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxDriver))
	if err == nil {
		err = installer.CheckWintun(data, arch)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w: %s: %w; %s", errDriver, path, err, driverAdvice)
	}
	return func() { _ = f.Close() }, nil
}

// openHeld opens a file that nobody can change, replace or delete while it is open.
func openHeld(path string) (*os.File, error) {
	p, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil,
		windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), path), nil
}
