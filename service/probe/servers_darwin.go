package probe

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"holdfast/service/underlay"
)

// resolvConf: the file names the resolvers that are asked first, which are the
// tunnel's own while it is up.
const resolvConf = ""

// otherConf is that file, for where no interface names any.
const otherConf = "/etc/resolv.conf"

const (
	// scutil is the program that shows the resolvers of each interface.
	scutil = "/usr/sbin/scutil"
	// scutilWithin bounds one run of it.
	scutilWithin = 2 * time.Second
)

// tellServers takes in the name servers of the interfaces.
func tellServers(t *underlay.Table) error {
	ctx, cancel := context.WithTimeout(context.Background(), scutilWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, scutil, "--dns")
	cmd.Env, cmd.Dir = []string{}, "/"
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask %s: %w: %s", scutil, err, bytes.TrimSpace(out))
	}
	t.Servers = scopedServers(string(out))
	return nil
}
