package main

import "holdfast/installer/windows"

// defaultSocket is where the service listens on this system.
const defaultSocket = `\\.\pipe\ProtectedPrefix\Administrators\Holdfast\control`

// Where the service keeps its things: below the program's own folder.
var (
	defaultConfigDir = windows.DataFolder()
	defaultStateDir  = defaultConfigDir
)
