package wine

import (
	"os"
	"path/filepath"
	"testing"
)

// inWindows are the packages whose own tests run in Windows too: those that differ
// there, and those whose answers must be the same.
var inWindows = []string{
	"./service/tunnel", "./service/failover", "./service/health", "./service/brain", "./service/control", "./service/acl",
	"./service/host", "./service/loader", "./service/netwatch", "./service/underlay", "./service/guard", "./service/netcfg",
	"./app/agent", "./app/notify", "./app/prefs", "./app/autostart", "./app/tray", "./installer/windows",
}

// TestPackages runs the tests of packages in Windows.
func TestPackages(t *testing.T) {
	c := start(t)
	// Into a file: what a test leaves running in Windows would keep a pipe open.
	exec := filepath.Join(c.tools, "exec")
	script := "#!/bin/sh\nout=$(mktemp)\n" + loader + " \"$@\" >$out 2>&1\ncode=$?\ncat $out\nrm $out\nexit $code\n"
	if err := os.WriteFile(exec, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := c.golang("test", append([]string{"-exec", exec, "-timeout", "8m"}, inWindows...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
