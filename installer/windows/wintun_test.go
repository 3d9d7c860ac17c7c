package windows

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// library is the smallest file that is a DLL by its header, says a version, and holds
// a driver that says another one.
func library(t *testing.T, high, low uint32) []byte {
	t.Helper()
	const (
		start, address, size = 128, 0x1000, 192
		data, version        = 10, 16 // kinds of resources
		directory            = 1 << 31
	)
	type table struct {
		_      [14]byte
		Number uint16
	}
	parts := []any{
		[]byte("MZ"), make([]byte, 58), uint32(64), []byte("PE\x00\x00"), pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1},
		pe.SectionHeader32{Name: [8]uint8([]byte(".rsrc\x00\x00\x00")), VirtualSize: size, VirtualAddress: address, SizeOfRawData: size, PointerToRawData: start},
		table{Number: 2}, []uint32{data, directory | 32, version, directory | 96},
	}
	for n := range uint32(2) {
		at := 32 + 64*n
		parts = append(parts, table{Number: 1}, []uint32{1, directory | (at + 24)}, table{Number: 1}, []uint32{1033, at + 48},
			[]uint32{address + 160 + 16*n, 16, 0, 0})
	}
	parts = append(parts, fixedInfo, []uint32{0x00630063, 0}, fixedInfo, []uint32{high, low})
	var b bytes.Buffer
	for _, part := range parts {
		if err := binary.Write(&b, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() != start+size {
		t.Fatalf("the file has %d bytes, not %d", b.Len(), start+size)
	}
	return b.Bytes()
}

func TestFileVersion(t *testing.T) {
	for _, test := range []struct {
		high, low uint32
		want      string
	}{
		{0x0000000e, 0, "0.14"}, {0x0000000e, 0x00010000, "0.14.1"}, {0x0001000b, 0x00000002, "1.11.0.2"}, {0, 0, "0.0"},
	} {
		if got := fileVersion(library(t, test.high, test.low)); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	whole := library(t, 1, 1)
	for n := range whole {
		if got := fileVersion(whole[:n]); got != "" {
			t.Errorf("the first %d bytes say version %q", n, got)
		}
	}
}

// Whatever is in a file, reading it ends, and well.
func TestFileVersionOfNonsense(t *testing.T) {
	whole := library(t, 1, 1)
	for n := range whole {
		for _, value := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			changed := bytes.Clone(whole)
			changed[n] = value
			fileVersion(changed)
		}
	}
}

// What is not the pinned file is refused, with the reason that helps most.
func TestCheckWintunRefuses(t *testing.T) {
	for _, test := range []struct {
		name, arch string
		data       []byte
		want       string
	}{
		{"another version", "amd64", library(t, 13, 0), "it says that it is version 0.13, and 0.14.1 is wanted"},
		{"a changed file", "amd64", library(t, 14, 1<<16), "not e5da8447dc2c320edc0fc52fa01885c103de8c118481f683643cacc3220dafce: it has been changed"},
		{"something else", "arm64", []byte("<html>404</html>"), "not f7ba89005544be9d85231a9e0d5f23b2d15b3311667e2dad0debd344918a3f80: it has been changed, or is something else"},
		{"an empty file", "arm64", nil, "or is something else"},
	} {
		err := CheckWintun(test.data, test.arch)
		if !errors.Is(err, ErrWintun) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
		}
	}
	if err := CheckWintun(nil, "386"); err == nil || errors.Is(err, ErrWintun) || !strings.Contains(err.Error(), "386") {
		t.Errorf("an architecture without one: got %v", err)
	}
}

func TestCheckWintunFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wintun.dll")
	if err := CheckWintunFile(path, "amd64"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
	if err := os.WriteFile(path, library(t, 13, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckWintunFile(path, "amd64"); !errors.Is(err, ErrWintun) || !strings.Contains(err.Error(), path) {
		t.Errorf("the wrong file: got %v", err)
	}
}

// The real file, where HOLDFAST_WINTUN names it.
func TestCheckWintunTakesTheRealOne(t *testing.T) {
	path := os.Getenv("HOLDFAST_WINTUN")
	if path == "" {
		t.Skip("needs HOLDFAST_WINTUN, a file that is wintun.dll")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	arch, other := "amd64", "arm64"
	if CheckWintun(data, arch) != nil {
		arch, other = other, arch
	}
	if err := CheckWintun(data, arch); err != nil {
		t.Errorf("%s: %v", arch, err)
	}
	if err := CheckWintun(data, other); !errors.Is(err, ErrWintun) || !strings.Contains(err.Error(), "for "+arch+", not for "+other) {
		t.Errorf("%s as %s: got %v", arch, other, err)
	}
	if got := fileVersion(data); got != WintunVersion {
		t.Errorf("it says that it is version %s, and the installer says %s", got, WintunVersion)
	}
	data[len(data)/2] ^= 1
	if err := CheckWintun(data, arch); !errors.Is(err, ErrWintun) || !strings.Contains(err.Error(), "it has been changed") {
		t.Errorf("%s with a bit turned: got %v", arch, err)
	}
}
