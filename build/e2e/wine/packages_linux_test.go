package wine

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast/build/e2e/wine/prefix"
)

// inWindows are the packages whose own tests run in Windows too: those that have
// code or tests of their own for it.
var inWindows = []string{
	"./service/acl", "./service/control", "./service/guard", "./service/host", "./service/loader", "./service/netcfg",
	"./service/netwatch", "./service/tunnel", "./service/underlay",
	"./app/agent", "./app/autostart", "./app/notify", "./app/prefs", "./app/tray", "./installer/windows",
}

// TestPackages runs the tests of packages in Windows.
func TestPackages(t *testing.T) {
	c := start(t)
	// Into a file: what a test leaves running in Windows would keep a pipe open.
	exec := filepath.Join(c.Tools, "exec")
	script := "#!/bin/sh\nout=$(mktemp)\n" + prefix.Loader + " \"$@\" >$out 2>&1\ncode=$?\ncat $out\nrm $out\nexit $code\n"
	if err := os.WriteFile(exec, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := c.golang("test", append([]string{"-exec", exec, "-timeout", "4m"}, inWindows...)...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
