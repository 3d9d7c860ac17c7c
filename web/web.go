// Package web serves the API of DESIGN.md §8 on the service's own socket:
// routes, the stream of what changes, metrics, and the document that describes
// them all.
//
// It decides nothing about tunnels: it checks who asks and what is asked, hands
// it to the engine, the library or the history, and words the answer. Nothing a
// caller sends is ever a path, a command, an environment variable, an interface
// name or a mark; no reply but that of the export holds a secret. It serves no
// page: a process of the person's own does, and forwards to here.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// Engine is what the wishes go to.
type Engine interface {
	// Status is the picture as it is now.
	Status() status.Status
	// Subscribe returns a channel that holds the latest picture not yet read,
	// and what ends the subscription.
	Subscribe() (<-chan *status.Status, func())
	Wisher
	Helper
}

// Wisher takes wishes. Each method returns when the wish is kept.
type Wisher interface {
	Connect(ctx context.Context, target tunnel.Name) error
	Disconnect(ctx context.Context) error
	Reconnect(ctx context.Context) error
	SwitchTo(ctx context.Context, name tunnel.Name) error
	// SetGuard opens the guard by the person's word, for a while (api.GuardPause)
	// or until the wish changes, or ends that (api.GuardOn, api.GuardOff). The
	// mode is a setting, and follows. pause is 0 but for api.GuardPause.
	SetGuard(ctx context.Context, action api.GuardAction, pause time.Duration) error
}

// Helper is what else the engine is asked.
type Helper interface {
	// Ack marks a notice as seen. api.ErrNotFound: there is no such notice.
	Ack(ctx context.Context, noticeID int64) error
	// Diagnose looks at everything now. Each is told tell of as it begins and as
	// it ends, one at a time; tell returns quickly.
	Diagnose(ctx context.Context, tell func(api.Finding)) (api.Diagnosis, error)
	// ConfigsChanged says that what the library holds has changed; changed is
	// the tunnel whose configuration was written, "": none in particular.
	ConfigsChanged(ctx context.Context, changed tunnel.Name) error
}

// Library keeps tunnels, groups and settings. Errors are classified by Deps.Code.
type Library interface {
	Tunnels
	Groups
	Settings
}

// Tunnels is the part of the library that keeps tunnels.
type Tunnels interface {
	Tunnels() []tunnel.Name // sorted
	Tunnel(tunnel.Name) (*tunnel.Config, error)
	Save(name tunnel.Name, c *tunnel.Config, overwrite bool) error
	Remove(tunnel.Name) error
	Rename(old, to tunnel.Name) error
}

// Groups is the part of the library that keeps groups.
type Groups interface {
	Groups() map[tunnel.Name][]tunnel.Name
	SetGroup(name tunnel.Name, members []tunnel.Name) error
	RemoveGroup(tunnel.Name) error
}

// Settings is the part of the library that keeps the policy.
type Settings interface {
	Policy() failover.Policy
	SetSettings(map[string]string) (failover.Policy, error) // all or none
}

// History answers for the past.
type History interface {
	Events(context.Context, api.EventQuery) (api.EventPage, error)
	Samples(context.Context, api.SampleQuery) (api.Samples, error)
	Summary(ctx context.Context, since, until time.Time) (api.Summary, error)
	// Story returns what a timeline is drawn from.
	Story(ctx context.Context, since, until time.Time) (status.Known, error)
	// Notices returns the newest first; with all, also those that were cleared.
	Notices(ctx context.Context, all bool) ([]event.Notice, error)
}

// EventFeed tells events as they happen. Hub is one.
type EventFeed interface {
	// SubscribeEvents returns those events after an ID that are still in
	// memory, and a channel of those that follow. The channel is closed when
	// its reader is too slow.
	SubscribeEvents(afterID int64) (backlog []event.Event, ch <-chan event.Event, cancel func())
	// LastEventID is the ID of the latest event. 0: there was none.
	LastEventID() int64
	// Counts is how many events of each kind there were since the start.
	Counts() map[event.Kind]uint64
}

// LogSource is the service's own recent log.
type LogSource interface {
	// Tail returns at most the last n lines, and a channel of those that
	// follow. The channel is closed when its reader is too slow.
	Tail(n int) (lines []api.LogLine, ch <-chan api.LogLine, cancel func())
}

// Deps is what the API stands on. All but the last four are required.
type Deps struct {
	Engine  Engine
	Library Library
	History History
	Events  EventFeed
	Logs    LogSource
	Version api.Version

	// Audit is told of every change that was asked for and of every refusal,
	// less those that would flood the log. It must return quickly. Nil: nobody is.
	Audit func(AuditRecord)
	// Code says what an error of the engine, library or history means, where
	// it is not one of package api. "" or api.Internal: it is not known.
	Code func(error) api.Code
	// Log gets what a caller is told only a number of. Nil: slog.Default.
	Log *slog.Logger
	// Done ends every stream when it is closed. Nil: streams end with their callers.
	Done <-chan struct{}
}

// server is the state behind the routes.
type server struct {
	Deps
	audits  *limiter // of records of changes, by person
	denials *limiter // of records of refusals, by person
	wishes  *limiter // of wishes, by person
	streams chan struct{}
	pulse   pulse
	// pictures and happened are what streams told last.
	pictures echo[*status.Status]
	happened echo[event.Event]
	deleted  bin // tunnels that can be restored
	waits    waits

	diagnosing sync.Mutex // held while a diagnosis runs
	mu         sync.Mutex
	diagnosis  *api.Diagnosis // guarded by mu; the latest, nil: none yet
}

// maxStreams bounds the streams of all callers; one more is refused.
const maxStreams = 256

// New serves the API. It panics when a route has no rule in Rules, or a rule no
// route: that is a mistake in this package.
func New(d Deps) http.Handler { return newServer(d).handler() }

func newServer(d Deps) *server {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	s := &server{
		Deps:    d,
		audits:  newLimiter(auditBurst, auditEvery),
		denials: newLimiter(denialBurst, denialEvery),
		wishes:  newLimiter(wishBurst, wishEvery),
		streams: make(chan struct{}, maxStreams),
		waits:   defaultWaits,
	}
	s.pulse.read = func() api.Figures { return figuresOf(s.Engine.Status()) }
	return s
}

func (s *server) handler() http.Handler {
	r := chi.NewRouter()
	r.Use(s.visit, s.socketOnly)
	r.NotFound(s.do(func(http.ResponseWriter, *http.Request) error {
		return refuse(api.NotFound, "There is no such route.", "GET /api/v1/openapi.json lists them.")
	}))
	r.MethodNotAllowed(s.do(func(http.ResponseWriter, *http.Request) error { return errMethod }))
	r.Group(func(r chi.Router) {
		r.Use(s.authorize)
		s.routes(r)
	})
	mustMatch(r)
	return r
}

// routes pairs every route with what serves it. Who may ask is in Rules.
func (s *server) routes(r chi.Router) {
	r.Get("/metrics", s.do(s.metrics))
	v1 := func(method, pattern string, h handler) { r.Method(method, api.Prefix+pattern, s.do(h)) }

	v1("GET", "/version", s.version)
	v1("GET", "/me", s.me)
	v1("GET", "/openapi.json", s.openAPI)
	v1("GET", "/status", s.status)
	v1("GET", "/stream", s.stream)

	v1("POST", "/connect", s.wish(s.connect))
	v1("POST", "/disconnect", s.wish(s.disconnect))
	v1("POST", "/reconnect", s.wish(s.reconnect))
	v1("POST", "/switch", s.wish(s.switchTo))

	v1("GET", "/tunnels", s.tunnels)
	v1("POST", "/tunnels", s.importTunnel)
	v1("POST", "/tunnels/check", s.checkTunnel)
	v1("GET", "/tunnels/{name}", s.tunnel)
	v1("PUT", "/tunnels/{name}", s.replaceTunnel)
	v1("DELETE", "/tunnels/{name}", s.removeTunnel)
	v1("POST", "/tunnels/{name}/rename", s.renameTunnel)
	v1("GET", "/tunnels/{name}/text", s.tunnelText)
	v1("POST", "/tunnels/{name}/restore", s.restoreTunnel)
	v1("GET", "/tunnels/{name}/export", s.exportTunnel)

	v1("GET", "/groups", s.groups)
	v1("PUT", "/groups/{name}", s.setGroup)
	v1("DELETE", "/groups/{name}", s.removeGroup)

	v1("GET", "/history", s.history)
	v1("GET", "/history/summary", s.summary)
	v1("GET", "/history/timeline", s.timeline)
	v1("GET", "/samples", s.samples)
	v1("GET", "/notices", s.notices)
	v1("POST", "/notices/{id}/ack", s.ackNotice)

	v1("GET", "/diagnosis", s.lastDiagnosis)
	v1("POST", "/diagnosis/run", s.runDiagnosis)
	v1("GET", "/settings", s.settings)
	v1("PATCH", "/settings", s.setSettings)
	v1("GET", "/guard", s.guard)
	v1("POST", "/guard", s.setGuard)
	v1("GET", "/logs", s.logs)
	v1("GET", "/bundle", s.bundle)
}
