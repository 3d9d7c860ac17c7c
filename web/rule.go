package web

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/go-chi/chi/v5"

	"holdfast/web/api"
)

// Rule is one verb of the API: what it is, and the least role that may use it.
// The document that describes the API is made of these.
type Rule struct {
	Method, Pattern string // as chi has them
	Role            Role
	Summary         string
	Query           []Parameter
	Body            any    // a zero value of what the request holds; nil: {}
	Reply           any    // a zero value of what the reply holds; nil: see Content
	Content         string // the content type, where it is not JSON
}

// Parameter is one of the query.
type Parameter struct {
	Name string
	Type string // of JSON Schema
	Help string
}

// Changes says that the verb changes something, or makes the service work.
func (r Rule) Changes() bool { return r.Method != http.MethodGet }

var (
	sinceParam   = Parameter{"since", "string", "Not before this moment (RFC 3339)."}
	untilParam   = Parameter{"until", "string", "Before this moment (RFC 3339)."}
	tunnelParam  = Parameter{"tunnel", "string", "Only those of this tunnel."}
	afterParam   = Parameter{"after", "integer", "The ID of the last event that is known: those after it, oldest first."}
	figuresParam = Parameter{"figures", "boolean", "Also the figures of the active tunnel, once a second, as messages of the kind figures."}
	followParam  = Parameter{"follow", "boolean", "Go on as server-sent events with each new line."}
	linesParam   = Parameter{"lines", "integer", "How many lines, at most 10000. Default 200."}
	partsParam   = Parameter{"parts", "integer", "How many spans at most, up to 2000: of shorter ones the worst tells. Default 500."}
	eventParams  = []Parameter{
		sinceParam, untilParam, tunnelParam, afterParam,
		{"before", "integer", "Those with a smaller ID, newest first."},
		{"cursor", "string", "The next of the page before."},
		{"kind", "string", "Only events of this kind. It may be repeated."},
		{"limit", "integer", "How many events, at most 1000. Default 100."},
		{"format", "string", "csv for a table, as with Accept: text/csv."},
	}
	sampleParams = []Parameter{
		sinceParam, untilParam, tunnelParam,
		{"step", "string", "The distance between two samples, as 10s or 1m."},
	}
)

// Rules lists every verb of the API. It is the one place that says who may do
// what: a route that is not here cannot be served.
func Rules() []Rule {
	v1 := func(method, pattern string, role Role, summary string, body, reply any, query ...Parameter) Rule {
		return Rule{Method: method, Pattern: api.Prefix + pattern, Role: role, Summary: summary, Body: body, Reply: reply, Query: query}
	}
	as := func(content string, r Rule) Rule {
		r.Content = content
		return r
	}
	return []Rule{
		as(metricsContent, Rule{Method: "GET", Pattern: "/metrics", Role: Operator, Summary: "Figures for Prometheus."}),
		v1("GET", "/version", None, "Which service this is.", nil, api.Version{}),
		v1("GET", "/me", Viewer, "Who the caller is, and what they may do.", nil, api.Me{}),
		v1("GET", "/openapi.json", Operator, "This document.", nil, map[string]any{}),
		v1("GET", "/status", Viewer, "How things stand. Viewers see the overall state only.", nil, api.Status{}),
		as(sseContent, v1("GET", "/stream", Operator, "A snapshot, then what changes and what happens.", nil, nil, afterParam, figuresParam)),

		v1("POST", "/connect", Operator, "Wish for a group or tunnel.", api.Target{}, api.Status{}),
		v1("POST", "/disconnect", Operator, "Wish for no tunnel.", nil, api.Status{}),
		v1("POST", "/reconnect", Operator, "Rebuild the active tunnel.", nil, api.Status{}),
		v1("POST", "/switch", Operator, "Move to another member of the group.", api.Switch{}, api.Status{}),

		v1("GET", "/tunnels", Operator, "Every tunnel.", nil, api.Tunnels{}),
		v1("POST", "/tunnels", Operator, "Store a configuration.", api.Import{}, api.Tunnel{}),
		v1("POST", "/tunnels/check", Operator, "Say what a configuration would do. Nothing is stored.", api.Draft{}, api.Check{}),
		v1("GET", "/tunnels/{name}", Operator, "One tunnel, without its secrets.", nil, api.Tunnel{}),
		v1("PUT", "/tunnels/{name}", Operator, "Give a tunnel another configuration.", api.Text{}, api.Tunnel{}),
		v1("DELETE", "/tunnels/{name}", Operator, "Delete a tunnel.", nil, api.Done{}),
		v1("POST", "/tunnels/{name}/rename", Operator, "Give a tunnel another name.", api.Rename{}, api.Tunnel{}),
		v1("GET", "/tunnels/{name}/text", Operator, "One tunnel as a text to edit: (kept) stands for each secret.", nil, api.Editable{}),
		v1("POST", "/tunnels/{name}/restore", Operator, "Undo the deletion of a tunnel, within ten minutes.", nil, api.Tunnel{}),
		v1("GET", "/tunnels/{name}/export", Admin, "One tunnel with its secrets.", nil, api.Export{}),

		v1("GET", "/groups", Operator, "Every group.", nil, api.Groups{}),
		v1("PUT", "/groups/{name}", Operator, "Make or change a group.", api.Members{}, api.Groups{}),
		v1("DELETE", "/groups/{name}", Operator, "Delete a group. Its tunnels stay.", nil, api.Done{}),

		v1("GET", "/history", Operator, "What happened.", nil, api.History{}, eventParams...),
		v1("GET", "/history/summary", Operator, "What a span of time came to.", nil, api.Summary{}, sinceParam, untilParam),
		v1("GET", "/history/timeline", Operator, "How things stood, moment by moment.", nil, api.Timeline{}, sinceParam, untilParam, partsParam),
		v1("GET", "/samples", Operator, "Readings of the counters.", nil, api.Samples{}, sampleParams...),
		v1("GET", "/notices", Operator, "What a person should know.", nil, api.Notices{},
			Parameter{"all", "boolean", "Also those that were cleared."}),
		v1("POST", "/notices/{id}/ack", Operator, "Say that a notice was seen.", nil, api.Done{}),

		v1("GET", "/diagnosis", Operator, "The latest diagnosis.", nil, api.Diagnosis{}),
		v1("POST", "/diagnosis/run", Operator, "Find out now what is wrong. With Accept: text/event-stream each check as it begins and ends.", nil, api.Diagnosis{}),
		v1("GET", "/settings", Operator, "Every setting.", nil, api.Settings{}),
		v1("PATCH", "/settings", Operator, "Change settings, all or none. The guard's need an administrator.", map[string]string{}, api.Settings{}),
		v1("GET", "/guard", Operator, "What the guard does.", nil, api.Guard{}),
		v1("POST", "/guard", Operator, "Pause the guard for a while. Anything else needs an administrator, but to end a pause.", api.GuardRequest{}, api.Guard{}),
		v1("GET", "/logs", Operator, "The end of the service's log.", nil, api.Logs{}, linesParam, followParam),
		as(zipContent, v1("GET", "/bundle", Operator, "An archive for a report of a fault, without keys.", nil, nil)),
	}
}

// verb names a rule, as "POST /api/v1/connect".
func verb(method, pattern string) string { return method + " " + pattern }

var rules = func() map[string]Rule {
	byVerb := map[string]Rule{}
	for _, r := range Rules() {
		byVerb[verb(r.Method, r.Pattern)] = r
	}
	return byVerb
}()

// mustMatch panics unless routes and rules are the same, and every rule names
// a role.
func mustMatch(routes chi.Routes) {
	served := map[string]bool{}
	err := chi.Walk(routes, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		v := verb(method, pattern)
		served[v] = true
		if rules[v].Role == 0 {
			return fmt.Errorf("%s has no rule that says who may use it", v)
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	for v := range rules {
		if !served[v] {
			panic(v + " has a rule and no route")
		}
	}
}

// authorize lets a request through whose caller has the role its rule asks for.
func (s *server) authorize(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r)
		rule, known := rules[verb(r.Method, chi.RouteContext(r.Context()).RoutePattern())]
		if !known || v.caller.Role < rule.Role {
			s.fail(w, r, s.denied(v.caller, rule.Role))
			return
		}
		if rule.Changes() {
			v.changes = true
			if err := checkUnsafe(r); err != nil {
				s.fail(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// joining is how an administrator lets a person act, by the service's system.
var joining = map[string]string{
	"linux":   "Ask an administrator to add you to the group holdfast: sudo usermod -aG holdfast %s",
	"darwin":  "Ask an administrator to add you to the group holdfast: sudo dseditgroup -o edit -a %s -t user holdfast",
	"windows": "Ask an administrator to add you to Network Configuration Operators: net localgroup \"Network Configuration Operators\" %s /add",
}

// accountName is a name that can be put into a command as it is.
var accountName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// denied words a refusal for want of a role.
func (s *server) denied(c Caller, need Role) error {
	if need == Admin && c.Role == Operator {
		return refuse(api.NotPermitted, "Only an administrator may do this.", "Try again as an administrator, with sudo, or on Windows in a terminal that runs as administrator.")
	}
	user := "USER"
	if accountName.MatchString(c.User) {
		user = c.User
	}
	hint := "Ask an administrator to add you to the group holdfast."
	if words, known := joining[s.Version.OS]; known {
		hint = fmt.Sprintf(words, user)
	}
	return refuse(api.NotPermitted, "You may not do this.", hint)
}
