//go:build unix

package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/web/webtest"
)

// TestEditsWhereNobodyElseMayReplace: with the environment of somebody else, as
// after su, the text does not go into a folder of theirs.
func TestEditsWhereNobodyElseMayReplace(t *testing.T) {
	f := startFake(t)
	if code, _, stderr := runIn(t, f, webtest.Conf, "tunnel", "import", "--name", "nl", "-"); code != exitDone {
		t.Fatal(stderr)
	}
	theirs := filepath.Join(t.TempDir(), "theirs")
	if err := os.Mkdir(theirs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, 4242, 4242); err != nil {
		t.Skip("only root can give a folder away:", err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	ours := t.TempDir()
	said := filepath.Join(t.TempDir(), "said")
	editor := filepath.Join(t.TempDir(), "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\necho \"$1\" > "+said+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{theirs: false, open: false, filepath.Join(ours, "gone"): false, ours: true} {
		var errs bytes.Buffer
		p := &program{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &errs, env: func(key string) string {
			return map[string]string{"XDG_RUNTIME_DIR": dir, "HOLDFAST_SOCKET": f.socket, "EDITOR": editor}[key]
		}}
		if code := p.run(t.Context(), []string{"tunnel", "edit", "nl"}); code != exitDone {
			t.Errorf("%s: got exit code %d: %s", dir, code, errs.String())
		}
		if path, err := os.ReadFile(said); err != nil || strings.HasPrefix(string(path), dir+"/") != want {
			t.Errorf("%s: the text was in %s, %v", dir, path, err)
		}
	}
}

// TestEditLeavesNothingWhereTheTerminalGoes: the text holds the private key, and
// goes also when the terminal is closed.
func TestEditLeavesNothingWhereTheTerminalGoes(t *testing.T) {
	f := startFake(t)
	if code, _, stderr := runIn(t, f, webtest.Conf, "tunnel", "import", "--name", "nl", "-"); code != exitDone {
		t.Fatal(stderr)
	}
	dir, run := t.TempDir(), t.TempDir()
	program := filepath.Join(dir, "holdfast")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, program); err != nil { // by this name it is the command
		t.Fatal(err)
	}
	editor := filepath.Join(dir, "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nkill -HUP $PPID\nsleep 0.2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "tunnel", "edit", "nl")
	cmd.Env = []string{"XDG_RUNTIME_DIR=" + run, "HOLDFAST_SOCKET=" + f.socket, "EDITOR=" + editor}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("got no failure: %s", out)
	}
	if left, err := os.ReadDir(run); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v: %s", left, err, out)
	}
}

// TestForceReplacesFilesOnly: a device or a pipe is no file to overwrite; as
// root the program could.
func TestForceReplacesFilesOnly(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err }
	if err := writePrivate(pipe, true, text); err == nil {
		t.Error("a pipe was replaced")
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("got %v, %v, want the pipe", info, err)
	}
	if err := os.Symlink(pipe, link); err != nil { // as /dev/stdout
		t.Fatal(err)
	}
	if err := writePrivate(link, true, text); err == nil {
		t.Error("a link to a pipe was replaced")
	}
	file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, other); err != nil {
		t.Fatal(err)
	}
	if err := writePrivate(other, true, text); err != nil {
		t.Error(err)
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "kept" {
		t.Errorf("got %q, %v: it was written through the link", kept, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 4 {
		t.Errorf("got %v, %v, want nothing left", left, err)
	}
}
