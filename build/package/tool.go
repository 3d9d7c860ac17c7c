package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// tool is the path of a program of build/tools: one that `task lint` has put into
// .bin, or else one that the Go tool builds now.
func (j *job) tool(ctx context.Context, name string) (string, error) {
	path := filepath.Join(j.root, ".bin", name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	path, err := output(ctx, j.root, "go", "tool", "-modfile=build/tools/go.mod", "-n", name)
	return strings.TrimSpace(path), err
}
