package library

import (
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"holdfast/service/tunnel"
)

// system is how tunnels lie on the disk of this system: sealed with a key that
// Windows keeps for the account of this process (DPAPI).
var system = vault{suffix: confSuffix + ".dpapi", seal: protect, unseal: unprotect}

// label binds a sealed tunnel to its name: it is sealed with it, and cannot be
// changed.
func label(name tunnel.Name) string { return "Holdfast tunnel " + strings.ToLower(string(name)) }

func protect(name tunnel.Name, text []byte) ([]byte, error) {
	as, err := windows.UTF16PtrFromString(label(name))
	if err != nil {
		return nil, err
	}
	var out windows.DataBlob
	// Not for the machine: then every account on it could unseal it.
	err = windows.CryptProtectData(blob(text), as, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out)
	runtime.KeepAlive(text)
	if err != nil {
		return nil, fmt.Errorf("seal the tunnel: %w", err)
	}
	return take(out), nil
}

func unprotect(name tunnel.Name, sealed []byte) ([]byte, error) {
	var out windows.DataBlob
	var as *uint16
	err := windows.CryptUnprotectData(blob(sealed), &as, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out)
	runtime.KeepAlive(sealed)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errSealed, err)
	}
	text := take(out)
	var sealedAs string
	if as != nil {
		sealedAs = windows.UTF16PtrToString(as)
		_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(as)))
	}
	if sealedAs != label(name) {
		return nil, fmt.Errorf("it was stored under another name (%q); give the file that name again", sealedAs)
	}
	return text, nil
}

// blob is data as the system takes it. The data must be kept alive.
func blob(data []byte) *windows.DataBlob {
	return &windows.DataBlob{Size: uint32(len(data)), Data: unsafe.SliceData(data)}
}

// take copies what the system has answered, and gives its memory back.
func take(b windows.DataBlob) []byte {
	if b.Data == nil {
		return []byte{}
	}
	data := unsafe.Slice(b.Data, b.Size)
	own := append([]byte{}, data...)
	clear(data)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data)))
	return own
}
