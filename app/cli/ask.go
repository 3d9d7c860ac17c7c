package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"holdfast/app/client"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// socketPath is where the service is asked: --socket, else HOLDFAST_SOCKET, else
// the system's.
func (p *program) socketPath() string {
	if p.socket != "" {
		return p.socket
	}
	if s := p.env("HOLDFAST_SOCKET"); s != "" {
		return s
	}
	return defaultSocket
}

// client makes a client of the service. Nothing is dialled before it is asked.
func (p *program) client() *client.Client { return client.New(p.socketPath()) }

// hintStart is for errors to which the service knows no hint.
var hintStart = "start it: " + asRoot("holdfast service start") + "; see what is wrong: holdfast doctor"

// explainClient finds the words and the exit code for what asking the service
// ended in; nil where err is of another kind.
func explainClient(err error) *failure {
	if refusal, ok := errors.AsType[*api.Error](err); ok {
		return explainRefusal(refusal)
	}
	f := &failure{err: err}
	switch {
	case errors.Is(err, client.ErrUnreachable) && errors.Is(err, fs.ErrPermission):
		f.code, f.message, f.hint = exitNotPermitted, "you may not use the service's socket: "+err.Error(), hintGroup
	case errors.Is(err, client.ErrUnreachable) && errors.Is(err, fs.ErrNotExist):
		f.code, f.message, f.hint = exitUnreachable, "the service is not running: "+err.Error(), hintStart
	case errors.Is(err, client.ErrUnreachable):
		f.code, f.message, f.hint = exitUnreachable, err.Error(), hintStart
	case errors.Is(err, client.ErrUntrusted):
		f.code, f.message, f.hint = exitUnreachable, err.Error(), "nothing was sent; see who listens there, or give --socket"
	case errors.Is(err, context.DeadlineExceeded):
		f.code, f.message = exitTimedOut, "the service did not answer in time"
		f.hint = "see its log: holdfast logs"
	case errors.Is(err, context.Canceled):
		f.code, f.message = exitFailed, "interrupted"
	default:
		return nil
	}
	return f
}

// explainRefusal takes the words of the service's own error.
func explainRefusal(refusal *api.Error) *failure {
	f := &failure{message: refusal.Message, hint: refusal.Hint, err: refusal}
	if f.message == "" {
		f.message = "the service refused: " + string(refusal.Code)
	}
	for _, problem := range refusal.Problems {
		if problem.Line > 0 {
			f.message += fmt.Sprintf("\n  line %d: %s", problem.Line, problem.Message)
		} else {
			f.message += "\n  " + problem.Message
		}
	}
	hint := ""
	switch refusal.Code {
	case api.NotFound:
		f.code, hint = exitNotFound, "see what there is: holdfast tunnel list, holdfast group list"
	case api.NotPermitted:
		f.code, hint = exitNotPermitted, hintGroup
	case api.Invalid, api.TooLarge:
		f.code = exitInvalid
	case api.Conflict, api.Unavailable, api.Internal:
		f.code = exitFailed
	default:
		f.code = exitFailed
	}
	if f.hint == "" {
		f.hint = hint
	}
	return f
}

// parseNames checks names before anything is asked.
func parseNames(args []string) ([]tunnel.Name, error) {
	var names []tunnel.Name
	for _, arg := range args {
		name, err := tunnel.ParseName(arg)
		if err != nil {
			return nil, misused("see the names: holdfast tunnel list", "%s", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// joined lists names for a person: "nl, de".
func joined[T ~string](names []T) string {
	var words []string
	for _, n := range names {
		words = append(words, string(n))
	}
	return strings.Join(words, ", ")
}
