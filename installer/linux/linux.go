// Package linux holds what an installation puts on a Linux system beside the
// programs: the two units that systemd keeps, and the group of those who may
// act. It is the one place where they are written down; packages ship the files,
// and `holdfast service install` writes them.
package linux

import (
	"embed"
	"strings"
)

// The files, by the names that they have on the system.
const (
	// Service is the unit that runs holdfastd.
	Service = "holdfastd.service"
	// EarlyBoot is the unit that shuts the guard before the network comes up.
	EarlyBoot = "holdfast-earlyboot.service"
	// Group is the file of sysusers.d(5) that makes the group.
	Group = "holdfast.conf"
)

//go:embed holdfastd.service holdfast-earlyboot.service holdfast.conf
var files embed.FS

// packaged is where packages put holdfastd, and where the units look for it.
const packaged = "/usr/bin/holdfastd"

// Text is the content of a file, for holdfastd at the absolute path program.
// It panics for a file that there is not.
func Text(name, program string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(text), "="+packaged+" ", "="+quote(program)+" ")
}

// quote writes a path as ExecStart reads it: quoted, with its specifiers and
// variables undone.
func quote(path string) string {
	if !strings.ContainsAny(path, " \t\"'\\%$;") {
		return path
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`)
	return `"` + r.Replace(path) + `"`
}
