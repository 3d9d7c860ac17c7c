package daemon

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"

	"holdfast/service/control"
	"holdfast/service/netcfg"
	"holdfast/store"
)

// Stage is a step of starting. The strings are stable: they are logged, and
// ExitCode gives each a number.
type Stage string

// The stages, in their order.
const (
	OpenLibrary Stage = "open the configuration"
	OpenStore   Stage = "open the history"
	LoadWish    Stage = "read the wish"
	CleanUp     Stage = "clean up after the last run"
	WatchNet    Stage = "watch the network"
	OpenSocket  Stage = "open the socket"
)

// StageError says which step of starting failed.
type StageError struct {
	Stage Stage
	Err   error
	// Advice is what to do about it. "": Err says so itself, or it is not known.
	Advice string
}

// Error names the stage and the reason.
func (e *StageError) Error() string { return string(e.Stage) + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *StageError) Unwrap() error { return e.Err }

// ExitCode is that of the stage, for whoever started the program.
func (e *StageError) ExitCode() int { return ExitCode(e.Stage) }

// ExitCode is the number by which a program that could not start tells at
// which stage it failed: 10 and up, in the order of the stages.
func ExitCode(s Stage) int {
	return 10 + slices.Index([]Stage{OpenLibrary, OpenStore, LoadWish, CleanUp, WatchNet, OpenSocket}, s)
}

// advice says what to do about an error of starting.
func advice(s Stage, err error) string {
	folder := map[Stage]string{OpenLibrary: "--config-dir", OpenStore: "--state-dir", LoadWish: "--state-dir", OpenSocket: "--socket"}[s]
	switch {
	case errors.Is(err, store.ErrLocked), errors.Is(err, netcfg.ErrClaimed), errors.Is(err, control.ErrRunning):
		return "another holdfastd is running; stop it first: holdfast service stop"
	case errors.Is(err, control.ErrOccupied):
		return "name another place with --socket"
	case errors.Is(err, syscall.ENOTDIR) && folder != "":
		return "a file stands where a folder must be; move it away, or name another folder with " + folder
	case errors.Is(err, fs.ErrPermission) && folder != "":
		return "run it as " + mighty + ", or name a folder of your own with " + folder
	case errors.Is(err, fs.ErrPermission):
		return "run it as " + mighty + ", or with --userspace"
	case isFull(err):
		return "make room on the disk"
	case isReadOnly(err) && folder != "":
		return "let the disk be written, or name another folder with " + folder
	}
	return ""
}
