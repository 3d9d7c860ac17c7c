package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"holdfast/web/api"
)

// formType is what the form in the person's own file is sent as.
const formType = "application/x-www-form-urlencoded"

// isHandover says that a request is that form: the one thing a page that is not
// ours may send.
func isHandover(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == login && r.Header.Get("Content-Type") == formType
}

// takeBody reads a body, whose length checkBody has bounded, before anything is
// done with it: a slow one holds up nobody, and nothing is begun for half of one.
func takeBody(w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength == 0 {
		return true
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.Header().Set("Connection", "close")
		errTarget.write(w)
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return true
}

// login begins a session for who brings a code. The form is answered with the
// page, which holds the token; the page itself, which found the code in its
// address, is answered with the token.
func (h *Host) login(w http.ResponseWriter, r *http.Request, pages *pages) {
	if !takeBody(w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body) // it is in memory
	if isHandover(r) {
		form, err := url.ParseQuery(string(body))
		if err == nil {
			err = h.codes.burn(form.Get("code"))
		}
		if err != nil {
			pages.index(w, loginStatus(err), "")
			return
		}
		pages.index(w, http.StatusOK, h.begin(r))
		return
	}
	var in struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		refuse(http.StatusBadRequest, api.Invalid, "The request is not valid.", "").write(w)
		return
	}
	if err := h.codes.burn(in.Code); err != nil {
		refuse(loginStatus(err), codeBadCode, "The link was used, or is too old.", "Use: holdfast open").write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": h.begin(r)})
}

func loginStatus(err error) int {
	if errors.Is(err, errTooManyWrong) {
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}

func (h *Host) begin(r *http.Request) string {
	return h.sessions.begin(h.opt.ReadOnly, browserOf(r.UserAgent()))
}

// browserOf is what a browser calls itself, for the list of sessions. The order
// matters: most claim to be several.
func browserOf(agent string) string {
	for _, b := range []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"Firefox/", "Firefox"},
		{"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(agent, b.mark) {
			return b.name
		}
	}
	return "another program"
}

type sessionKey struct{}

// sessionOf is the session of a request that withSession let through.
func sessionOf(r *http.Request) *session { return r.Context().Value(sessionKey{}).(*session) }

// withSession serves a request that carries the token of a session, as long as
// the session lasts and as far as it reaches.
func (h *Host) withSession(w http.ResponseWriter, r *http.Request, next http.Handler) {
	var of *session
	if tokens := r.Header.Values("Authorization"); len(tokens) == 1 {
		if token, ok := strings.CutPrefix(tokens[0], "Bearer "); ok {
			of = h.sessions.find(token)
		}
	}
	if of == nil {
		turnAway(w, errNoSession)
		return
	}
	if of.readOnly && !mayLook(r) {
		turnAway(w, errReadOnly)
		return
	}
	if !takeBody(w, r) {
		return
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), sessionKey{}, of))
	defer cancel(nil)
	defer context.AfterFunc(of.ctx, func() { cancel(context.Cause(of.ctx)) })()
	if wantsStream(r) {
		end, ok := h.openStream(of)
		if !ok {
			errStreams.write(w)
			return
		}
		defer end()
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

// openStream takes one of the places for streams. False: there is none left.
func (h *Host) openStream(of *session) (end func(), ok bool) {
	select {
	case h.listen.streams <- struct{}{}:
	default:
		return nil, false
	}
	over := h.sessions.stream(of)
	return func() {
		over()
		<-h.listen.streams
	}, true
}

// mayLook says that a request changes nothing, makes the service do nothing, and
// shows no key. Ending sessions is allowed to all.
func mayLook(r *http.Request) bool {
	if r.Method == http.MethodDelete {
		return r.URL.Path == login || strings.HasPrefix(r.URL.Path, agentRoot+"sessions/")
	}
	return r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/export")
}

// logout ends the session that asks for it.
func (h *Host) logout(w http.ResponseWriter, r *http.Request) {
	h.sessions.end(sessionOf(r).id)
	writeJSON(w, http.StatusOK, api.Done{Schema: api.Schema})
}
