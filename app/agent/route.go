package agent

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The roots of what is served. Everything else is a file of the page.
const (
	apiRoot   = "/api/v1/"
	agentRoot = "/agent/v1/"
	demoRoot  = "/demo/v1/"
	login     = "/session"
)

// checkRoute refuses a method that a route does not have. Which routes there are
// below the roots is told only to a session.
func checkRoute(r *http.Request) *refusal {
	var may []string
	switch path := r.URL.Path; {
	case isBehindSession(path):
		may = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	case path == login:
		may = []string{http.MethodPost, http.MethodDelete}
	default:
		may = []string{http.MethodGet}
	}
	if !slices.Contains(may, r.Method) {
		return errMethod
	}
	return nil
}

// isBehindSession says that a path is served to sessions only.
func isBehindSession(path string) bool {
	return strings.HasPrefix(path, apiRoot) || strings.HasPrefix(path, agentRoot) || strings.HasPrefix(path, demoRoot)
}

// isStatic says that a path is the page itself, which anyone may see.
func isStatic(path string) bool { return path != login && !isBehindSession(path) }

// wantsStream says that the reply to a request goes on until somebody ends it.
func wantsStream(r *http.Request) bool {
	follow, _ := strconv.ParseBool(r.URL.Query().Get("follow")) // as the service reads it
	return r.URL.Path == apiRoot+"stream" || follow ||
		strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// handler checks a request and serves it.
func (h *Host) handler(pages *pages) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET "+agentRoot+"about", h.about)
	own.HandleFunc("GET "+agentRoot+"prefs", h.showPrefs)
	own.HandleFunc("PATCH "+agentRoot+"prefs", h.changePrefs)
	own.HandleFunc("GET "+agentRoot+"sessions", h.listSessions)
	own.HandleFunc("DELETE "+agentRoot+"sessions/{id}", h.endSession)
	own.HandleFunc("POST "+agentRoot+"qr/{name}", h.qr)
	checks := h.checks()
	return h.guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limitBody(w, r)
		for _, check := range checks {
			if no := check(r); no != nil {
				turnAway(w, no)
				return
			}
		}
		switch path := r.URL.Path; {
		case path == login && r.Method == http.MethodPost:
			h.login(w, r, pages)
		case path == login:
			h.withSession(w, r, http.HandlerFunc(h.logout))
		case strings.HasPrefix(path, apiRoot):
			h.withSession(w, r, h.forward)
		case strings.HasPrefix(path, agentRoot):
			h.withSession(w, r, muxed(own))
		case strings.HasPrefix(path, demoRoot):
			h.withSession(w, r, h.demo())
		default:
			pages.ServeHTTP(w, r)
		}
	}))
}

// limitBody bounds how long the body of a request may take, whoever reads it: the
// server itself reads what a refusal left unread. It lifts the deadline when the
// body has been read to its end.
func limitBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
	}
}

// turnAway answers a request that did not pass, before the rest of it has come,
// and ends its connection. Only who sends too much is heard out for a while: a
// browser that is still sending would else not see the answer.
func turnAway(w http.ResponseWriter, no *refusal) {
	if no != errTooLarge {
		w.Header().Set("Connection", "close")
	}
	no.write(w)
}

// muxed serves a mux's routes, and refuses in our words what has none.
func muxed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			errNoRoute.write(w)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// demo serves what only the demo has.
func (h *Host) demo() http.Handler {
	if h.opt.Demo != nil {
		return h.opt.Demo
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { errNoRoute.write(w) })
}
