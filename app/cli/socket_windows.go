package main

import (
	"os"
	"path/filepath"
)

// defaultSocket is where the service listens on this system.
const defaultSocket = `\\.\pipe\ProtectedPrefix\Administrators\Holdfast\control`

// Where the service keeps its things: below the program's own folder.
var (
	defaultConfigDir = filepath.Join(os.Getenv("ProgramFiles"), "Holdfast", "Data")
	defaultStateDir  = defaultConfigDir
)
