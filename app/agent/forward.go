package agent

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"time"

	"holdfast/app/client"
	"holdfast/web/api"
)

// passed are the headers of a request that the service gets to see. Whatever
// else a browser, or who poses as one, sends ends here: who they are, where they
// come from, and what they would like to be taken for.
var passed = []string{"Accept", "Accept-Language", "Content-Type", "Last-Event-ID"}

// returned are the headers of a reply that the page gets to see.
var returned = []string{"Content-Type", "Content-Disposition", "Content-Language", "Retry-After"}

// maxCalls bounds the calls that are under way at once, streams aside. The
// service lets a person have few connections, and the command line wants some.
const maxCalls = 3

// callWait is how long the service may take to begin a reply, which is longer than
// it gives itself; after it, it counts as unreachable.
const callWait = 100 * time.Second

// forwarder passes requests on to the service, as this process: with the rights of
// the person who runs it, and no others.
type forwarder struct {
	httputil.ReverseProxy
	lines lines
}

func newForwarder(socket string, log *slog.Logger) *forwarder {
	lines := lines{calls: client.Transport(socket), streams: client.Transport(socket)}
	lines.calls.MaxConnsPerHost = maxCalls
	lines.calls.MaxIdleConnsPerHost = maxCalls
	lines.calls.ResponseHeaderTimeout = callWait
	lines.streams.DisableKeepAlives = true
	return &forwarder{lines: lines, ReverseProxy: httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      lines,
		ModifyResponse: strip,
		ErrorHandler:   func(w http.ResponseWriter, r *http.Request, err error) { unreachable(w, r, err, log) },
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// rewrite makes the request that the service gets.
func rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", api.Host, api.Host
	p.Out.Header = pick(p.In.Header, passed)
	p.Out.Header.Set("User-Agent", "holdfast-page")
}

// strip takes from a reply what is not for the page.
func strip(r *http.Response) error {
	r.Header = pick(r.Header, returned)
	r.Header.Set("Cache-Control", "no-store")
	return nil
}

func pick(from http.Header, names []string) http.Header {
	to := http.Header{}
	for _, name := range names {
		if values := from.Values(name); len(values) > 0 {
			to[http.CanonicalHeaderKey(name)] = values
		}
	}
	return to
}

// lines are the connections to the service. Calls must not wait for streams.
type lines struct{ calls, streams *http.Transport }

// RoundTrip sends a request on.
func (l lines) RoundTrip(r *http.Request) (*http.Response, error) {
	if wantsStream(r) {
		return l.streams.RoundTrip(r)
	}
	return l.calls.RoundTrip(r)
}

// close lets go of the connections that are idle.
func (l lines) close() {
	l.calls.CloseIdleConnections()
	l.streams.CloseIdleConnections()
}

// unreachable says that the service did not answer.
func unreachable(w http.ResponseWriter, r *http.Request, err error, log *slog.Logger) {
	if sessionOf(r).ctx.Err() != nil {
		errNoSession.write(w) // it ended meanwhile
		return
	}
	if r.Context().Err() != nil {
		return // the page has gone
	}
	log.Debug("the service did not answer", "err", err)
	no := refuse(http.StatusBadGateway, codeUnreachable, "Holdfast's service does not answer, so the page cannot tell how things stand.",
		"Start it as an administrator: holdfast service start")
	if errors.Is(err, client.ErrUntrusted) {
		no = refuse(http.StatusBadGateway, codeUnreachable, "What answers in the place of Holdfast's service belongs to somebody else, so nothing was sent.",
			"Look at it with: holdfast doctor")
	}
	no.write(w)
}
