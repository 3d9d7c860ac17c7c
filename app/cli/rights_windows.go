package main

import "golang.org/x/sys/windows"

// hintGroup says how a person comes to be allowed to use the tunnels.
const hintGroup = `administrators may, and members of "Network Configuration Operators" after they have logged in again`

// mighty is who may change what the kernel keeps.
const mighty = "an administrator"

// isRoot says that this process may do all that an administrator may.
func isRoot() bool { return windows.GetCurrentProcessToken().IsElevated() }

// asRoot is how a person gives a command that only an administrator may give.
func asRoot(command string) string {
	return command + ` (in a terminal opened with "Run as administrator")`
}
