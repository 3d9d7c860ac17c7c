package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"holdfast/app/client"
)

// The exit codes. Scripts rely on them: they never change.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitNotProtected = 3 // status --check only
	exitNotPermitted = 4
	exitUnreachable  = 5
	exitTimedOut     = 6
	exitNotFound     = 7
	exitInvalid      = 8
)

// failure is an error with the words for the person and the exit code.
type failure struct {
	code    int
	message string // "": nothing is printed, the code alone speaks
	hint    string // what to do about it; "": nothing to advise
	err     error  // what is behind it; nil: nothing more
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.err }

// failed is the plain failure: exit code 1 and what was being done.
func failed(err error, hint, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if err != nil {
		message += ": " + err.Error()
	}
	return &failure{code: exitFailed, message: message, hint: hint, err: err}
}

// misused says that the command was not called as it wants to be.
func misused(hint, format string, args ...any) error {
	return &failure{code: exitUsage, message: fmt.Sprintf(format, args...), hint: hint}
}

// silently ends the program with a code and no word: the output has said it.
func silently(code int) error { return &failure{code: code} }

// report tells err on stderr and returns the exit code.
func (p *program) report(err error) int {
	if err == nil {
		return exitDone
	}
	f := p.explain(err)
	if f.message != "" {
		for i, line := range strings.Split(strings.TrimRight(f.message, "\n"), "\n") {
			if i == 0 {
				line = "holdfast: " + line
			}
			p.note("%s", printable(line))
		}
	}
	if f.hint != "" {
		p.note("hint: %s", printable(f.hint))
	}
	return f.code
}

// explain finds the exit code and the words for err. Where the service was asked
// behind a socket that the person named, it may be the name that is wrong.
func (p *program) explain(err error) *failure {
	f := explain(err)
	if p.socket != "" && p.socket != defaultSocket && errors.Is(err, client.ErrUnreachable) && errors.Is(err, fs.ErrNotExist) {
		named := *f
		named.message = "no service listens at " + p.socket + ": there is no such file"
		named.hint = "leave --socket out for the system's own service, or name the socket that holdfastd was started with"
		return &named
	}
	return f
}

// explain finds the exit code and the words for err. What is not known to this
// program is a plain failure.
func explain(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if f := explainClient(err); f != nil {
		return f
	}
	return &failure{code: exitFailed, message: err.Error(), err: err}
}
