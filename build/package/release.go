package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// release says what is packaged.
type release struct {
	// Version is that of the tag at the commit: "1.2.3" of v1.2.3. Four commits
	// later it is "1.2.3+4", and "0.0.1234" at the 1234th commit before any tag.
	// So a later commit has a later version, for every kind of package.
	Version string
	// Commit is the commit's hash, with "-dirty" added where the work tree holds
	// changes.
	Commit string
	// Made is when the commit was made. All that is packaged bears this time.
	Made time.Time
}

// validVersion is what every kind of package takes as a version.
var validVersion = regexp.MustCompile(`^\d+\.\d+\.\d+(\+\d+)?$`)

// numeric is the version as those know it that want three numbers and no more.
func (r release) numeric() string {
	numbers, _, _ := strings.Cut(r.Version, "+")
	return numbers
}

// findRelease asks git. given is a version to use instead of git's; "": none.
func findRelease(ctx context.Context, root, given string) (release, error) {
	log, err := output(ctx, root, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return release{}, err
	}
	commit, seconds, _ := strings.Cut(strings.TrimSpace(log), " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return release{}, fmt.Errorf("read the commit's time: %w", err)
	}
	changes, err := output(ctx, root, "git", "status", "--porcelain")
	if err != nil {
		return release{}, err
	}
	if changes != "" {
		commit += "-dirty"
	}
	r := release{Version: given, Commit: commit, Made: time.Unix(at, 0).UTC()}
	if r.Version == "" {
		if r.Version, err = gitVersion(ctx, root); err != nil {
			return release{}, err
		}
	}
	if !validVersion.MatchString(r.Version) {
		return release{}, fmt.Errorf("%q is no version: want 1.2.3 or 1.2.3+4", r.Version)
	}
	return r, nil
}

// gitVersion is the version by the latest tag and the commits since.
func gitVersion(ctx context.Context, root string) (string, error) {
	// Without a tag git says nothing, and fails.
	if described, err := output(ctx, root, "git", "describe", "--tags", "--long", "--match", "v[0-9]*"); err == nil {
		return describedVersion(strings.TrimSpace(described))
	}
	count, err := output(ctx, root, "git", "rev-list", "--count", "HEAD")
	if err != nil {
		return "", err
	}
	return "0.0." + strings.TrimSpace(count), nil
}

var described = regexp.MustCompile(`^v(.+)-(\d+)-g[0-9a-f]+$`)

// describedVersion reads what git describe says: the tag, the number of commits
// since, and the commit.
func describedVersion(text string) (string, error) {
	m := described.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "", fmt.Errorf("git describe says %q, which is not understood", text)
	case m[2] == "0":
		return m[1], nil
	}
	return m[1] + "+" + m[2], nil
}

// moduleRoot is the folder of the work tree.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := output(ctx, "", "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(strings.TrimSpace(mod))
	if filepath.Base(strings.TrimSpace(mod)) != "go.mod" {
		return "", errors.New("run it inside the module")
	}
	return dir, nil
}

// output runs a program in a folder ("": this one) and returns what it prints.
// The error holds what it said besides.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	return outputWith(ctx, dir, nil, name, args...)
}

// outputWith is output with more variables in the environment.
func outputWith(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, msg.String(), out.String())
	}
	return out.String(), nil
}
