package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"holdfast/service/status"
)

// paint colours words for a terminal. Its zero value leaves them as they are.
type paint struct{ on bool }

// The colours, as SGR numbers.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	bold   = "1"
	faint  = "2"
)

func (p paint) in(colour, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// overall is the one word for how things stand, in its colour.
func (p paint) overall(o status.Overall) string {
	switch o {
	case status.Protected, status.Idle:
		return p.in(green, string(o))
	case status.Connecting, status.Checking, status.Switching:
		return p.in(yellow, string(o))
	case status.Stalled, status.Blocked, status.Offline, status.SignInNeeded, status.ServiceUnreachable:
		return p.in(red, string(o))
	case status.Off:
		return p.in(faint, string(o))
	default:
		return string(o)
	}
}

// isTerminal says that w is a terminal, where lines may be redrawn and progress
// told.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paintFor chooses colours for w: none where the person said NO_COLOR, where
// the terminal knows none, or where w is not a terminal.
func (p *program) paintFor(w io.Writer) paint {
	return paint{on: p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && isTerminal(w)}
}
