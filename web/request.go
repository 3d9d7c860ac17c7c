package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"holdfast/service/event"
	"holdfast/web/api"
)

// A visit is one request as the audit sees it.
type visit struct {
	caller  Caller
	verb    string // the route, not the path: it holds nothing the caller chose
	object  string // the name it is about; "": none
	changes bool   // it asked for a change and got as far as its handler
	code    api.Code
}

type visitKey struct{}

func visitOf(r *http.Request) *visit { return r.Context().Value(visitKey{}).(*visit) }

// visit finds out who asks, gives every reply the headers it must have, and
// tells the audit what became of it.
func (s *server) visit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{caller: callerOf(r.Context())}
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		if r.ContentLength != 0 {
			// Until the body is read: also one that nobody reads must end.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.waits.body))
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Language", string(event.English)) // until a handler speaks another
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
		v.verb = verb(knownMethod(r.Method), chi.RouteContext(r.Context()).RoutePattern())
		s.record(*v)
	})
}

// knownMethod is the method where some route has it. Any other is a word of the
// caller's, of any length.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return method
	}
	return "OTHER"
}

// socketOnly refuses whatever a browser would send: the socket is for programs
// that know what it is. A page comes in through a host of its own, which checks
// it and does not pass these on.
func (s *server) socketOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Origin", "Referer", "Cookie"} {
			if len(r.Header.Values(name)) > 0 {
				s.fail(w, r, refuse(api.NotPermitted, "Requests with the header "+name+" are refused here.", "Open the page with: holdfast open"))
				return
			}
		}
		if r.Host != api.Host || r.URL.Host != "" && r.URL.Host != api.Host {
			s.fail(w, r, refuse(api.NotPermitted, "The Host must be "+api.Host+".", ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkUnsafe refuses a request for a change that a form or a simple script of
// a page could have sent, or whose length is not known beforehand.
func checkUnsafe(r *http.Request) error {
	if types := r.Header.Values("Content-Type"); len(types) != 1 || types[0] != "application/json" {
		return refuse(api.Invalid, "The Content-Type must be application/json.", "")
	}
	if r.ContentLength < 0 || len(r.TransferEncoding) > 0 {
		return refuse(api.Invalid, "The Content-Length must be given.", "")
	}
	return nil
}

// handler serves one route. What it returns is worded by fail; once it has
// begun to reply it returns nil.
type handler func(http.ResponseWriter, *http.Request) error

func (s *server) do(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// wants says that a request asks for another form than JSON, by its query (where
// there is a word for it) or by Accept.
func wants(r *http.Request, format, content string) bool {
	return format != "" && r.URL.Query().Get("format") == format || strings.HasPrefix(r.Header.Get("Accept"), content)
}
