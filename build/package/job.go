package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// target is a system and a processor, by their names in Go.
type target struct{ system, arch string }

func (t target) String() string { return t.system + "/" + t.arch }

func parseTarget(text string) (target, error) {
	system, arch, ok := strings.Cut(text, "/")
	if !ok || system == "" || arch == "" {
		return target{}, fmt.Errorf("%q is no target: want linux/amd64", text)
	}
	return target{system, arch}, nil
}

// job is the making of all packages of one target.
type job struct {
	release
	target
	root string // the work tree
	dir  string // for what is made on the way; removed in the end
	out  string // where packages go
}

// programs are those that every installation has, by name, and the packages that
// they are built from.
var programs = map[string]string{
	"holdfastd":     "./service",
	"holdfast":      "./app/cli",
	"holdfast-tray": "./app/tray",
}

// build builds a program for the target and returns its content. env is what the
// Go tool needs to know besides, such as CC; flags are more of its flags.
func (j *job) build(ctx context.Context, name string, env, flags []string) ([]byte, error) {
	path := filepath.Join(j.dir, name)
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", path}, flags...)
	env = append([]string{"GOOS=" + j.system, "GOARCH=" + j.arch, "GOFLAGS="}, env...)
	if _, err := outputWith(ctx, j.root, env, "go", append(args, programs[name])...); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// linkerFlags strip a program and stamp into it what it is. more are those of the
// target.
func (j *job) linkerFlags(more ...string) string {
	const stamp = "-X holdfast/build/version."
	flags := append([]string{"-s", "-w", stamp + "Version=" + j.Version, stamp + "Commit=" + j.Commit,
		stamp + "made=" + j.Made.Format(time.RFC3339)}, more...)
	return "-ldflags=" + strings.Join(flags, " ")
}

// epoch is a variable that tells programs the time to use instead of now.
func (j *job) epoch() string { return fmt.Sprintf("SOURCE_DATE_EPOCH=%d", j.Made.Unix()) }
