// Command package makes what people install: packages for each system, a list of
// their SHA-256 sums, and a bill of materials for each.
//
//	go run ./build/package [-out DIR] [-version VERSION] [TARGET…]
//
// A TARGET is a system and a processor as Go names them, "linux/amd64". Without
// one, packages are made for this computer's.
//
// The same commit gives the same bytes, in any folder and at any time: all that is
// packaged bears the commit's time, names are sorted, modes are fixed, and programs
// are built without paths. Signatures are the exception; see sign.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// makers make the packages of a job, one per system. What they need and this
// computer lacks they say in their error.
var makers = map[string]func(context.Context, *job) error{
	"linux":   makeLinux,
	"windows": makeWindows,
	"darwin":  makeDarwin,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("package", flag.ContinueOnError)
	out := f.String("out", "build/out/package", "`folder` of the packages; what it held before is removed")
	version := f.String("version", "", "the `version` of the packages (default: from git)")
	if err := f.Parse(args); err != nil {
		return flag.ErrHelp
	}
	targets := []target{{runtime.GOOS, runtime.GOARCH}}
	if f.NArg() > 0 {
		targets = nil
	}
	for _, arg := range f.Args() {
		t, err := parseTarget(arg)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	rel, err := findRelease(ctx, root, *version)
	if err != nil {
		return err
	}
	if err := emptyOut(*out); err != nil {
		return err
	}
	for _, t := range targets {
		if err := makeOne(ctx, &job{release: rel, target: t, root: root, out: *out}); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	if err := writeSums(*out); err != nil {
		return err
	}
	if err := signSums(ctx, *out); err != nil {
		return err
	}
	return report(*out, rel)
}

// makeOne makes the packages of one target.
func makeOne(ctx context.Context, j *job) error {
	make, ok := makers[j.system]
	if !ok {
		return errors.New("no packages can be made for this system")
	}
	dir, err := os.MkdirTemp("", "holdfast-package")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	j.dir = dir
	return make(ctx, j)
}

// emptyOut makes the folder of the packages, or empties it. A folder that holds
// other things than packages is refused.
func emptyOut(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return os.MkdirAll(out, 0o755)
	case err != nil:
		return err
	}
	if _, err := os.Stat(filepath.Join(out, sumsName)); err != nil {
		return fmt.Errorf("%s is not empty, and does not hold packages: remove it first", out)
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	return os.MkdirAll(out, 0o755)
}

// report lists what was made.
func report(out string, rel release) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	fmt.Printf("Holdfast %s, commit %s\n", rel.Version, rel.Commit)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Printf("%10d  %s\n", info.Size(), filepath.Join(out, e.Name()))
	}
	return nil
}
