package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// inDiagnostics are the files of a bundle that are short enough to be pasted
// somewhere. Keys, names and addresses are taken out of them by the service.
var inDiagnostics = []string{"version.json", "status.json", "diagnosis.json"}

// mostDiagnostics bounds what is read of one file of a bundle, in bytes.
const mostDiagnostics = 64 << 10

// copyDiagnostics puts what others need to help into the clipboard.
func copyDiagnostics(ctx context.Context, s service) error {
	var archive bytes.Buffer
	if err := s.Bundle(ctx, &archive); err != nil {
		return err
	}
	text, err := diagnostics(archive.Bytes())
	if err != nil {
		return err
	}
	return copyText(ctx, text)
}

// diagnostics is the text of a bundle.
func diagnostics(archive []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return "", fmt.Errorf("read the bundle: %w", err)
	}
	var b strings.Builder
	for _, f := range z.File {
		if !slices.Contains(inDiagnostics, f.Name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return "", fmt.Errorf("read the bundle: %w", err)
		}
		text, err := io.ReadAll(io.LimitReader(r, mostDiagnostics))
		_ = r.Close()
		if err != nil {
			return "", fmt.Errorf("read the bundle: %w", err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", f.Name, text)
	}
	return b.String(), nil
}

// errNoClipboard says that no program is there that reaches the clipboard.
var errNoClipboard = errors.New("no program for the clipboard is installed")

// copyText gives a text to the first program for the clipboard that is there.
func copyText(ctx context.Context, text string) error {
	for _, args := range clipboards() {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(text)
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("copy with %s: %w", args[0], err)
		}
		return nil
	}
	return fmt.Errorf("%w: %s", errNoClipboard, clipboardHint)
}
