package main

import (
	"os"
	"path/filepath"

	"holdfast/service/daemon"
)

// data is a folder below the program's own, which only administrators may
// write to.
var data = filepath.Join(os.Getenv("ProgramFiles"), "Holdfast", "Data")

// defaults are where the service keeps its things on Windows.
var defaults = daemon.Options{
	ConfigDir: data,
	StateDir:  data,
	Socket:    `\\.\pipe\ProtectedPrefix\Administrators\Holdfast\control`,
	Interface: "Holdfast",
}
