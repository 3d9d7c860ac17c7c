// Command icons writes the icons that packages and documents need, drawn by
// app/tray/icon, as files into a folder. The tray itself draws its own at run
// time and needs none of them.
//
//	go run ./build/icons DIR
//
// It writes NAME-STYLE-SIZE.png, NAME.ico, NAMETemplate.png and
// NAMETemplate@2x.png for every shape, holdfast-SIZE.png for the program itself,
// and sheet.png, which shows all shapes on light and dark ground.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"holdfast/app/tray/icon"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./build/icons DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "icons:", err)
		os.Exit(1)
	}
}

// panelSizes are those of panels on Linux, at 100 and 200 per cent.
var panelSizes = []int{16, 22, 44}

// programSizes are those of a program's own icon: holdfast-SIZE.png.
var programSizes = []int{48, 128, 256}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files() {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// files are all files by their names.
func files() map[string][]byte {
	out := map[string][]byte{"sheet.png": sheet()}
	for _, size := range programSizes {
		out[fmt.Sprintf("holdfast-%d.png", size)] = icon.PNG(icon.Protected, icon.Colour, size)
	}
	for _, s := range icon.Shapes {
		for _, style := range []icon.Style{icon.Colour, icon.Light, icon.Dark} {
			for _, size := range panelSizes {
				out[fmt.Sprintf("%s-%s-%d.png", s, style, size)] = icon.PNG(s, style, size)
			}
		}
		out[fmt.Sprintf("%s.ico", s)] = icon.ICO(s, icon.Colour, icon.IcoSizes...)
		out[fmt.Sprintf("%sTemplate.png", s)] = icon.PNG(s, icon.Template, 18)
		out[fmt.Sprintf("%sTemplate@2x.png", s)] = icon.PNG(s, icon.Template, 36)
	}
	return out
}
