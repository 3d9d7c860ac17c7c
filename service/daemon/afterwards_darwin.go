package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// afterwards has a process of its own shut the guard after this time, where there
// is no service then: see SealAfter. It outlives this one.
func (d *Daemon) afterwards(wait time.Duration) (cancel func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, "seal", "--after", wait.String(),
		"--config-dir", d.opt.ConfigDir, "--state-dir", d.opt.StateDir, "--interface", d.opt.Interface)
	cmd.Env, cmd.Dir = []string{}, "/"
	// launchd ends what is of the service's group together with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", self, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	return func() {
		select {
		case <-ended:
		default:
			_ = cmd.Process.Kill()
		}
	}, nil
}
