package netcfg

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	// scutil is the program that writes to the dynamic store, from which the system
	// takes its resolvers. It is told what to do on its standard input.
	scutil = "/usr/sbin/scutil"
	// storeKey is the entry of ours in it.
	storeKey = "State:/Network/Service/6F1E0C0B-5D7B-4A0E-9D2F-0B7C2D1F9A68/DNS"
	// scutilTimeout bounds one run of the program.
	scutilTimeout = 10 * time.Second
)

// setNamesByScutil has names asked of whom they say.
func setNamesByScutil(ctx context.Context, n *names) error {
	if len(n.servers) > 0 {
		return runScutil(ctx, scutilSet(storeKey, n))
	}
	return runScutil(ctx, scutilRemove(storeKey))
}

// noSuchKey is what it says where there is nothing to remove.
const noSuchKey = "No such key"

// leftByScutil says that a process before has left resolvers.
func leftByScutil(ctx context.Context) (bool, error) {
	said, err := askScutil(ctx, scutilShow(storeKey))
	return said != noSuchKey, err
}

// runScutil has scutil read commands. It says nothing where all is well.
func runScutil(ctx context.Context, commands string) error {
	said, err := askScutil(ctx, commands)
	if err == nil && said != "" && said != noSuchKey {
		err = fmt.Errorf("set resolvers by %s: %s", scutil, said)
	}
	return err
}

// askScutil has scutil read commands, and returns what it says.
func askScutil(ctx context.Context, commands string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, scutilTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, scutil)
	cmd.Env, cmd.Dir = []string{}, "/"
	cmd.Stdin = strings.NewReader(commands)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ask %s: %w: %s", scutil, err, bytes.TrimSpace(out))
	}
	return string(bytes.TrimSpace(out)), nil
}
