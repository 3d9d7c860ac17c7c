//go:build unix

package main

import "os"

// mighty is who may change what the kernel keeps.
const mighty = "root"

// isRoot says that this account may change what the kernel keeps.
func isRoot() bool { return os.Geteuid() == 0 }

// asRoot is how a person gives a command that only root may give.
func asRoot(command string) string { return "sudo " + command }
