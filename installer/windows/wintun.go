package windows

import (
	"bytes"
	"crypto/sha256"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
)

// Wintun, the driver of the tunnel's interface, as its makers published and
// signed it; https://www.wintun.net. The installer carries it, the repository
// does not.
const (
	WintunVersion = "0.14.1"
	// WintunURL is the archive that holds the DLL of every architecture, at
	// wintun/bin/ARCH/wintun.dll, and the licence.
	WintunURL = "https://www.wintun.net/builds/wintun-0.14.1.zip"
	// WintunArchive is the SHA-256 of what is at WintunURL. The package files of
	// Mullvad and Telepresence name the same.
	WintunArchive = "07c256185d6ee3652e09fa55c0b673e2624b565e02c4b9091c79ca7d2f24ef51"
)

// wintunDLL are the SHA-256 of wintun.dll, by the architecture as Go names it.
var wintunDLL = map[string]string{
	"amd64": "e5da8447dc2c320edc0fc52fa01885c103de8c118481f683643cacc3220dafce",
	"arm64": "f7ba89005544be9d85231a9e0d5f23b2d15b3311667e2dad0debd344918a3f80",
}

// ErrWintun says that a file is not the pinned wintun.dll. The error that wraps it
// says what it is instead, as far as that can be known.
var ErrWintun = errors.New("not the wintun.dll that belongs here")

// CheckWintun holds data against the pinned DLL of an architecture, as Go names
// it. The error is ErrWintun, or names an architecture for which there is none.
func CheckWintun(data []byte, arch string) error {
	want, ok := wintunDLL[arch]
	if !ok {
		return fmt.Errorf("there is no wintun.dll for %s", arch)
	}
	sum := sha256.Sum256(data)
	got := hex.EncodeToString(sum[:])
	if got == want {
		return nil
	}
	for other, pinned := range wintunDLL {
		if got == pinned {
			return fmt.Errorf("%w: it is the one for %s, not for %s", ErrWintun, other, arch)
		}
	}
	if version := fileVersion(data); version != "" && version != WintunVersion {
		return fmt.Errorf("%w: it says that it is version %s, and %s is wanted", ErrWintun, version, WintunVersion)
	}
	return fmt.Errorf("%w: its SHA-256 is %s, not %s: it has been changed, or is something else", ErrWintun, got, want)
}

// CheckWintunFile holds a file against the pinned DLL of an architecture; see
// CheckWintun.
func CheckWintunFile(path, arch string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read wintun.dll: %w", err)
	}
	if err := CheckWintun(data, arch); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// fixedInfo begins the numbers of a version resource (VS_FIXEDFILEINFO): its
// signature and the version of its layout.
var fixedInfo = []byte{0xbd, 0x04, 0xef, 0xfe, 0x00, 0x00, 0x01, 0x00}

// fileVersion is the version that a program or DLL says it has, without the zeros
// at its end, but with two numbers at least; "": it says none.
func fileVersion(data []byte) string {
	_, rest, found := bytes.Cut(versionResource(data), fixedInfo)
	if !found || len(rest) < 8 {
		return ""
	}
	high, low := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:])
	switch {
	case low == 0:
		return fmt.Sprintf("%d.%d", high>>16, high&0xffff)
	case low&0xffff == 0:
		return fmt.Sprintf("%d.%d.%d", high>>16, high&0xffff, low>>16)
	}
	return fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xffff, low>>16, low&0xffff)
}

// versionResource is the resource of a program or DLL that says its version, and
// all that follows it; nil: it has none. It is looked up, not searched for: wintun.dll
// begins with its drivers, which have versions of their own. See "The .rsrc Section"
// in the documentation of the PE format.
func versionResource(data []byte) []byte {
	const version, first = 16, 0 // RT_VERSION; whatever comes first
	f, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	section := f.Section(".rsrc")
	if section == nil {
		return nil
	}
	resources, err := section.Data()
	if err != nil {
		return nil
	}
	at := 0
	for _, id := range []uint32{version, first, first} { // by kind, name and language
		if at = child(resources, at, id); at == 0 {
			return nil
		}
	}
	if at+4 > len(resources) {
		return nil
	}
	start := int(binary.LittleEndian.Uint32(resources[at:])) - int(section.VirtualAddress)
	if start < 0 || start > len(resources) {
		return nil
	}
	return resources[start:]
}

// child is where an entry of a directory of resources leads, the one with an ID or,
// for 0, the first one; 0: there is none.
func child(resources []byte, directory int, id uint32) int {
	const header, entry, isDirectory = 16, 8, 1 << 31
	if directory+header > len(resources) {
		return 0
	}
	named := binary.LittleEndian.Uint16(resources[directory+12:])
	numbered := binary.LittleEndian.Uint16(resources[directory+14:])
	entries := resources[directory+header:]
	for range int(named) + int(numbered) {
		if len(entries) < entry {
			return 0
		}
		if id == 0 || binary.LittleEndian.Uint32(entries) == id {
			return int(binary.LittleEndian.Uint32(entries[4:]) &^ isDirectory)
		}
		entries = entries[entry:]
	}
	return 0
}
