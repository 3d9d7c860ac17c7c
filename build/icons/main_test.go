package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"holdfast/app/tray/icon"
)

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "icons")
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"protected-colour-22.png", "stuck-light-44.png", "off.ico", "offTemplate.png", "sign-inTemplate@2x.png", "sheet.png", "holdfast-256.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "offTemplate@2x.png"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := png.Decode(bytes.NewReader(data)); err != nil || m.Bounds().Dx() != 36 {
		t.Errorf("offTemplate@2x.png: %v", err)
	}
	if got, want := len(files()), 1+len(programSizes)+len(icon.Shapes)*(3*len(panelSizes)+3); got != want {
		t.Errorf("%d files, want %d", got, want)
	}
}
