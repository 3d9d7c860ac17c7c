package acl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scratch is a folder that is removed after the test as far as the system lets it:
// Wine does not know how to remove one as Windows does.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "acl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestMakePrivate(t *testing.T) {
	dir := filepath.Join(scratch(t), "above", "Data")
	for range 2 { // again: what is there is kept
		if err := MakePrivate(dir); err != nil {
			t.Fatal(err)
		}
	}
	if others, err := Strangers(dir, Use); err != nil || len(others) > 0 {
		t.Errorf("others may use it: %v, %v", others, err)
	}
}

// A folder that is there already is taken from the others.
func TestMakePrivateOfWhatIsThere(t *testing.T) {
	dir := filepath.Join(scratch(t), "Data")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := MakePrivate(dir); err != nil {
		t.Fatal(err)
	}
	if others, err := Strangers(dir, Use); err != nil || len(others) > 0 {
		t.Errorf("others may use it: %v, %v", others, err)
	}
}

func TestMakePrivateRefuses(t *testing.T) {
	file := filepath.Join(scratch(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakePrivate(file); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestOnlyAdministratorsWriteTakesWhatWindowsIsMadeOf(t *testing.T) {
	program := os.Getenv("SystemRoot") + `\System32\kernel32.dll`
	if err := OnlyAdministratorsWrite(program); err != nil {
		t.Error(err)
	}
	if err := OnlyAdministratorsWrite(program + ".none"); err == nil || !strings.Contains(err.Error(), ".none") {
		t.Errorf("got %v for what is not there", err)
	}
}
