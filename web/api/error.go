package api

import (
	"errors"

	"holdfast/service/tunnel"
)

// Code is what went wrong, for programs. The strings are sent: they never change.
type Code string

// The codes of errors, each with its HTTP status.
const (
	Conflict     Code = "conflict"      // 409
	Invalid      Code = "invalid"       // 400
	NotFound     Code = "not_found"     // 404
	NotPermitted Code = "not_permitted" // 403
	TooLarge     Code = "too_large"     // 413
	Unavailable  Code = "unavailable"   // 503
	Internal     Code = "internal"      // 500
)

// What may be returned by those who stand behind the routes, wrapped or not;
// and what an *Error that came over the socket is (errors.Is), by its code.
var (
	ErrConflict     = errors.New("in conflict with what is there")
	ErrInvalid      = errors.New("not valid")
	ErrNotFound     = errors.New("not found")
	ErrNotPermitted = errors.New("not permitted")
	ErrTooLarge     = errors.New("too large")
	ErrUnavailable  = errors.New("not available now")
)

// sentinels pairs every code but Internal with its sentinel.
var sentinels = map[Code]error{
	Conflict:     ErrConflict,
	Invalid:      ErrInvalid,
	NotFound:     ErrNotFound,
	NotPermitted: ErrNotPermitted,
	TooLarge:     ErrTooLarge,
	Unavailable:  ErrUnavailable,
}

// Error is the body of every reply that is not a success. It may also be
// returned by those behind the routes, when they know a better message or hint.
type Error struct {
	Code Code `json:"code"`
	// Message is what happened, in a sentence for a person.
	Message string `json:"message"`
	// Hint is what the person can do about it. "": nothing is known.
	Hint string `json:"hint"`
	// Problems are what is wrong with a configuration text, line by line.
	Problems []tunnel.Problem `json:"problems,omitempty"`
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Is makes errors.Is(err, ErrNotFound) and its like true by the code.
func (e *Error) Is(target error) bool {
	s, ok := sentinels[e.Code]
	return ok && s == target
}

// CodeOf finds the code of an error: that of an *Error in its chain, or that of
// one of the sentinels. Anything else is Internal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	for code, s := range sentinels {
		if errors.Is(err, s) {
			return code
		}
	}
	return Internal
}
