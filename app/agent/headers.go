package agent

import (
	"errors"
	"net/http"
	"runtime/debug"
)

// policy is what the page may load and do. Scripts and styles come from files of
// ours alone, nothing is ever made from text (Trusted Types), nothing is framed,
// and nothing is sent elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// permissions denies the page what it never needs.
const permissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), " +
	"local-network=(), loopback-network=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"

// guarded gives every reply the headers that bound what a browser does with it.
// None of them is ever an Access-Control header: nothing here is for other pages.
func (h *Host) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer h.tellPanic()
		setGuards(w.Header())
		next.ServeHTTP(&patient{ResponseWriter: w, control: http.NewResponseController(w)}, r)
	})
}

// tellPanic tells the log of a panic, and lets it end the connection.
func (h *Host) tellPanic() {
	p := recover()
	if p == nil {
		return
	}
	if err, is := p.(error); !is || !errors.Is(err, http.ErrAbortHandler) {
		h.log.Error("a request could not be served", "panic", p, "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}

func setGuards(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
}
