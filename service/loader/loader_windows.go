package loader

import (
	"syscall"
	"unsafe"
)

const (
	searchSystem32 = 0x800 // LOAD_LIBRARY_SEARCH_SYSTEM32
	// noDialogs: failures are told to the program, not shown in windows that nobody
	// sees (SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX).
	noDialogs = 0x1 | 0x2 | 0x8000
)

func init() {
	if !lock() {
		// What would be loaded from now on is anybody's.
		panic("libraries cannot be kept to those of Windows")
	}
}

// lock says whether libraries are looked for in the folder of Windows alone.
// kernel32.dll is part of every process: it is looked for nowhere.
func lock() bool {
	kernel := syscall.NewLazyDLL("kernel32.dll")
	_, _, _ = kernel.NewProc("SetErrorMode").Call(noDialogs)
	var nowhere uint16
	current, _, _ := kernel.NewProc("SetDllDirectoryW").Call(uintptr(unsafe.Pointer(&nowhere)))
	search, _, _ := kernel.NewProc("SetDefaultDllDirectories").Call(searchSystem32)
	return current != 0 && search != 0
}
