package host

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder is one that goes away after the test as far as the system lets it: under
// Wine what t.TempDir does at the end fails.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "host")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// What was said last is kept, in two files of bounded size.
func TestLogFileIsBounded(t *testing.T) {
	path := filepath.Join(folder(t), "log")
	l, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l.limit = 10
	for _, line := range []string{"one\n", "two\n", "three\n", "four\n", "5\n", "a line that is too long for it\n", "six\n"} {
		if n, err := l.Write([]byte(line)); err != nil || n != len(line) {
			t.Fatalf("write %q: %d, %v", line, n, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".1") + "|" + read(t, path); got != "a line that is too long for it\n|six\n" {
		t.Errorf("got %q", got)
	}
	// The next run goes on where this one ended.
	l, err = OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l.limit = 10
	for _, line := range []string{"7\n", "seven\n"} {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".1") + "|" + read(t, path); got != "six\n7\n|seven\n" {
		t.Errorf("got %q", got)
	}
}

// A file that cannot be put aside is emptied.
func TestLogFileThatCannotBePutAside(t *testing.T) {
	path := filepath.Join(folder(t), "log")
	if err := os.MkdirAll(filepath.Join(path+".1", "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.limit = 10
	for _, line := range []string{"before\n", "after\n"} {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != "after\n" {
		t.Errorf("got %q", got)
	}
}

func TestLogFileInAFolderThatIsNotThere(t *testing.T) {
	if _, err := OpenLogFile(filepath.Join(folder(t), "none", "log")); err == nil {
		t.Error("it was opened")
	}
}

func TestNewLogWritesToTheFile(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(Options{}, &b, 0)
	log.Info("hello", "from", "a test")
	log.Debug("not this")
	if got := b.String(); !strings.Contains(got, `msg=hello from="a test"`) || strings.Contains(got, "not this") {
		t.Errorf("got %q", got)
	}
}

// What launchd makes of standard error grows without a bound.
func TestIsFile(t *testing.T) {
	file, err := os.Create(filepath.Join(folder(t), "err"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !isFile(file) {
		t.Error("a file is taken for something else")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if isFile(w) {
		t.Error("a pipe is taken for a file")
	}
}
