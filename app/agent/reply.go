package agent

import (
	"encoding/json"
	"net/http"

	"holdfast/web/api"
)

// refusal is an answer that is no success: an HTTP status and the words, which
// say nothing of what is behind this host.
type refusal struct {
	status int
	api.Error
}

// A code of this host's own, beside those of package api.
const (
	codeNoSession   api.Code = "no_session"
	codeUnreachable api.Code = "unreachable"
	codeBadCode     api.Code = "bad_code"
)

func refuse(status int, code api.Code, message, hint string) *refusal {
	return &refusal{status: status, Error: api.Error{Code: code, Message: message, Hint: hint}}
}

// The refusals of the checks. Each says one thing, whoever asks.
var (
	errHost       = refuse(http.StatusMisdirectedRequest, api.Invalid, "Not this host.", "Use: holdfast open")
	errTarget     = refuse(http.StatusBadRequest, api.Invalid, "Not a plain request.", "")
	errVersion    = refuse(http.StatusHTTPVersionNotSupported, api.Invalid, "HTTP/1.1 only.", "")
	errNoRoute    = refuse(http.StatusNotFound, api.NotFound, "There is nothing here.", "")
	errMethod     = refuse(http.StatusMethodNotAllowed, api.Invalid, "This route does not do that.", "")
	errForeign    = refuse(http.StatusForbidden, api.NotPermitted, "Only the page itself may ask.", "")
	errBodyOnRead = refuse(http.StatusBadRequest, api.Invalid, "A question has no body.", "")
	errType       = refuse(http.StatusUnsupportedMediaType, api.Invalid, "Send application/json.", "")
	errLength     = refuse(http.StatusLengthRequired, api.Invalid, "Give the Content-Length.", "")
	errTooLarge   = refuse(http.StatusRequestEntityTooLarge, api.TooLarge, "The request is too long.", "")
	errNoSession  = refuse(http.StatusUnauthorized, codeNoSession, "This page is not open.", "Use: holdfast open")
	errReadOnly   = refuse(http.StatusForbidden, api.NotPermitted, "This page may only look.", "")
	errStreams    = refuse(http.StatusServiceUnavailable, api.Unavailable, "Too many streams are open.", "Close a tab.")
)

// write sends the refusal.
func (e *refusal) write(w http.ResponseWriter) {
	writeJSON(w, e.status, &e.Error)
}

// writeJSON replies. What cannot be sent any more is not worth an error.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("a reply cannot be written as JSON: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
