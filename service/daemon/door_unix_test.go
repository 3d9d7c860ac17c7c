//go:build unix

package daemon_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"holdfast/service/daemon"
)

// TestSocketIsReachedWhateverTheUmask: who starts the service by hand may have
// one that lets nobody else in.
func TestSocketIsReachedWhateverTheUmask(t *testing.T) {
	h := newHome(t)
	defer syscall.Umask(syscall.Umask(0o077))
	opt := h.options()
	opt.Socket = filepath.Join(h.dir, "run", "s")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d, err := daemon.Open(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(opt.Socket)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder: got %v, %v, want 0755", info.Mode(), err)
	}
	cancel()
	if err := d.Run(ctx, func() {}); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}
