package main

import (
	"holdfast/installer/windows"
	"holdfast/service/daemon"
)

// data is a folder below the program's own, which only administrators may
// write to.
var data = windows.DataFolder()

// defaults are where the service keeps its things on Windows.
var defaults = daemon.Options{
	ConfigDir: data,
	StateDir:  data,
	Socket:    `\\.\pipe\ProtectedPrefix\Administrators\Holdfast\control`,
	Interface: "Holdfast",
}
