package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/app/tray/icon"
)

// windowsResource is what a program of Windows says about itself.
type windowsResource struct {
	name        string
	description string // as the task manager shows it
	desktop     bool   // it opens no console, and draws for the resolution of each screen
}

var windowsResources = []windowsResource{
	{name: "holdfastd", description: "Holdfast service"},
	{name: "holdfast", description: "Holdfast"},
	{name: "holdfast-tray", description: "Holdfast", desktop: true},
}

// resourceIcons are the sizes of a program's icon, in pixels.
var resourceIcons = []int{16, 20, 24, 32, 48, 64, 128, 256}

// addResources writes icon, version and manifest into a program. The manifest asks
// for no rights beyond those of who starts it, and lets paths be long.
func (j *job) addResources(ctx context.Context, program string, r windowsResource) error {
	dir := filepath.Join(j.dir, "resources-"+r.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var icons []string
	for _, size := range resourceIcons {
		name := fmt.Sprintf("%d.png", size)
		icons = append(icons, name)
		if err := os.WriteFile(filepath.Join(dir, name), icon.PNG(icon.Protected, icon.Colour, size), 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(j.resources(r, icons), "", "\t")
	if err != nil {
		return err
	}
	in := filepath.Join(dir, "winres.json")
	if err := os.WriteFile(in, text, 0o644); err != nil {
		return err
	}
	tool, err := j.tool(ctx, "go-winres")
	if err != nil {
		return err
	}
	_, err = output(ctx, "", tool, "patch", "--no-backup", "--in", in, program)
	return err
}

// english is the language of the resources, as Windows numbers them.
const english = "0409"

// resources are those of a program, as go-winres reads them.
func (j *job) resources(r windowsResource, icons []string) any {
	type object = map[string]any
	manifest := object{
		"identity":        object{"name": "Holdfast." + r.name, "version": j.fileVersion()},
		"description":     r.description,
		"minimum-os":      "win10",
		"execution-level": "as invoker",
		"long-path-aware": true,
	}
	if r.desktop {
		manifest["dpi-awareness"] = "per monitor v2"
		manifest["use-common-controls-v6"] = true
	}
	return object{
		"RT_GROUP_ICON": object{"APP": object{"0000": icons}},
		"RT_MANIFEST":   object{"#1": object{english: manifest}},
		"RT_VERSION": object{"#1": object{"0000": object{
			"fixed": object{"file_version": j.fileVersion(), "product_version": j.fileVersion()},
			"info": object{english: object{
				"CompanyName": "Holdfast", "ProductName": "Holdfast", "FileDescription": r.description,
				"FileVersion": j.Version, "ProductVersion": j.Version, "Comments": "commit " + j.Commit,
				"InternalName": r.name, "OriginalFilename": r.name + ".exe",
				"LegalCopyright": "The Holdfast authors, MIT licence",
			}},
		}}},
	}
}
