package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// httpStatus is the HTTP status of each code of errors.
var httpStatus = map[api.Code]int{
	api.Conflict:     http.StatusConflict,
	api.Invalid:      http.StatusBadRequest,
	api.NotFound:     http.StatusNotFound,
	api.NotPermitted: http.StatusForbidden,
	api.TooLarge:     http.StatusRequestEntityTooLarge,
	api.Unavailable:  http.StatusServiceUnavailable,
	api.Internal:     http.StatusInternalServerError,
}

// errMethod is the one refusal whose HTTP status its code does not tell.
var errMethod = &api.Error{Code: api.Invalid, Message: "This route does not do that."}

// refuse makes an error that says what happened and what to do about it.
func refuse(code api.Code, message, hint string) error {
	return &api.Error{Code: code, Message: message, Hint: hint}
}

// noTunnel says that a name is nobody's.
func noTunnel(name string) error {
	return refuse(api.NotFound, fmt.Sprintf("There is no tunnel %q.", name), "See the names with: holdfast tunnel list")
}

// fail replies with an error. One that nobody has words for is told as a number
// that stands beside it in the log.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		visitOf(r).code = api.Unavailable
		return // the caller has gone
	}
	e := s.word(r, err)
	visitOf(r).code = e.Code
	status := httpStatus[e.Code]
	if e == errMethod {
		status = http.StatusMethodNotAllowed
	}
	w.Header().Set("Content-Language", string(event.English))
	writeJSON(w, status, e)
}

// word turns any error into what a person is told.
func (s *server) word(r *http.Request, err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	if p, ok := errors.AsType[tunnel.Problems](err); ok {
		return wordProblems(p)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &api.Error{Code: api.Unavailable, Message: "It took too long.", Hint: "Try again in a moment."}
	}
	code := s.codeOf(err)
	if code != api.Internal {
		return &api.Error{Code: code, Message: sentence(err.Error())}
	}
	id := make([]byte, 4)
	_, _ = rand.Read(id) // it never fails
	number := hex.EncodeToString(id)
	s.Log.Error("request failed", "id", number, "verb", verb(r.Method, r.URL.Path), "err", err)
	return &api.Error{Code: api.Internal, Message: "Internal error " + number + ".", Hint: "The service's log has the rest: holdfast logs"}
}

// codeOf asks package api, and then those who know other errors.
func (s *server) codeOf(err error) api.Code {
	if code := api.CodeOf(err); code != api.Internal || s.Code == nil {
		return code
	}
	if code := s.Code(err); code != "" {
		return code
	}
	return api.Internal
}

func wordProblems(p tunnel.Problems) *api.Error {
	message := "The configuration has a problem."
	if len(p) > 1 {
		message = fmt.Sprintf("The configuration has %d problems.", len(p))
	}
	return &api.Error{Code: api.Invalid, Message: message, Problems: p}
}

// writeJSON replies. What cannot be sent any more is not worth an error.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("a reply cannot be written as JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

func ok(w http.ResponseWriter, v any) error {
	writeJSON(w, http.StatusOK, v)
	return nil
}

func done(w http.ResponseWriter) error { return ok(w, api.Done{Schema: api.Schema}) }
