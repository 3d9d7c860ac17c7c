// Package version says which build of Holdfast this is. All programs carry the
// same stamp, so that the command line can tell when it talks to a service of
// another build.
//
// A release sets all of it while linking, since the Go tool finds no commit in
// every kind of work tree:
//
//	-ldflags "-X holdfast/build/version.Version=1.0.0 -X holdfast/build/version.Commit=abc…
//	  -X holdfast/build/version.made=2026-11-30T04:00:00Z"
//
// Without that they come from what the Go tool stamped into the program.
package version

import (
	"runtime/debug"
	"time"
)

// Version is the release, "1.0.0", or "devel" for a build from a work tree.
var Version string

// Commit is the commit the program was built from, with "-dirty" added where
// the work tree held changes. It is "unknown" where nothing was stamped, as by
// go run and in tests.
var Commit string

// Built is when the commit was made. Zero where nothing was stamped.
var Built time.Time

// made is Built in the form of RFC 3339, for the linker, which sets strings only.
var made string

func init() {
	if info, ok := debug.ReadBuildInfo(); ok {
		Version, Commit = fill(Version, Commit, info)
		Built = committed(made, info)
	}
	if Version == "" {
		Version = "devel"
	}
	if Commit == "" {
		Commit = "unknown"
	}
}

// fill takes from info what the linker was not told.
func fill(version, commit string, info *debug.BuildInfo) (string, string) {
	if version == "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	if commit != "" {
		return version, commit
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if commit != "" {
		commit += dirty
	}
	return version, commit
}

// committed is when the commit was made: told by the linker, or else named by
// info.
func committed(told string, info *debug.BuildInfo) time.Time {
	for _, s := range info.Settings {
		if told == "" && s.Key == "vcs.time" {
			told = s.Value
		}
	}
	at, err := time.Parse(time.RFC3339, told)
	if err != nil {
		return time.Time{}
	}
	return at
}

// String is both on one line: "1.0.0 (abc…)".
func String() string { return Version + " (" + Commit + ")" }
