package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// at is a route's path, its parts escaped.
func at(parts ...string) string {
	var path strings.Builder
	path.WriteString(api.Prefix)
	for _, p := range parts {
		path.WriteString("/" + url.PathEscape(p))
	}
	return path.String()
}

// ask makes a call and returns the reply it decoded.
func ask[T any](ctx context.Context, c *Client, r request) (T, error) {
	var reply T
	err := c.call(ctx, r, &reply)
	return reply, err
}

// Status is how things stand. Its slices are never nil, also where Limited.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return c.status(ctx, request{method: http.MethodGet, path: at("status")})
}

func (c *Client) status(ctx context.Context, r request) (api.Status, error) {
	s, err := ask[api.Status](ctx, c, r)
	fill(&s)
	return s, err
}

// Version tells which service this is.
func (c *Client) Version(ctx context.Context) (api.Version, error) {
	return ask[api.Version](ctx, c, request{method: http.MethodGet, path: at("version")})
}

// Me tells who the caller is to the service, and what they may do.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	return ask[api.Me](ctx, c, request{method: http.MethodGet, path: at("me")})
}

// Connect wishes for a group or tunnel. "": the one wished for last. It returns
// as soon as the wish is kept, with how things stood then; Stream tells the rest.
func (c *Client) Connect(ctx context.Context, target tunnel.Name) (api.Status, error) {
	return c.status(ctx, request{method: http.MethodPost, path: at("connect"), body: api.Target{Target: target}})
}

// Disconnect wishes for no tunnel.
func (c *Client) Disconnect(ctx context.Context) (api.Status, error) {
	return c.status(ctx, request{method: http.MethodPost, path: at("disconnect")})
}

// Reconnect asks for the active member to be rebuilt. It is a conflict
// (api.ErrConflict) while nothing is wished for.
func (c *Client) Reconnect(ctx context.Context) (api.Status, error) {
	return c.status(ctx, request{method: http.MethodPost, path: at("reconnect")})
}

// SwitchTo asks for a member of the current target to become active.
func (c *Client) SwitchTo(ctx context.Context, name tunnel.Name) (api.Status, error) {
	return c.status(ctx, request{method: http.MethodPost, path: at("switch"), body: api.Switch{Name: name}})
}

// Tunnels lists the tunnels, sorted by name.
func (c *Client) Tunnels(ctx context.Context) (api.Tunnels, error) {
	return ask[api.Tunnels](ctx, c, request{method: http.MethodGet, path: at("tunnels")})
}

// Tunnel shows one tunnel, without its secrets.
func (c *Client) Tunnel(ctx context.Context, name tunnel.Name) (api.Tunnel, error) {
	return ask[api.Tunnel](ctx, c, request{method: http.MethodGet, path: at("tunnels", string(name))})
}

// ImportTunnel stores a configuration. A text that is not one gives an
// *api.Error with its Problems.
func (c *Client) ImportTunnel(ctx context.Context, in api.Import) (api.Tunnel, error) {
	return ask[api.Tunnel](ctx, c, request{method: http.MethodPost, path: at("tunnels"), body: in})
}

// ReplaceTunnel gives a tunnel that is there another configuration.
func (c *Client) ReplaceTunnel(ctx context.Context, name tunnel.Name, text string) (api.Tunnel, error) {
	return ask[api.Tunnel](ctx, c, request{method: http.MethodPut, path: at("tunnels", string(name)), body: api.Text{Text: text}})
}

// RemoveTunnel deletes a tunnel. It is a conflict while a group names it, or
// while it is part of what is wished for.
func (c *Client) RemoveTunnel(ctx context.Context, name tunnel.Name) error {
	return c.call(ctx, request{method: http.MethodDelete, path: at("tunnels", string(name))}, nil)
}

// RenameTunnel gives a tunnel another name, in its groups too.
func (c *Client) RenameTunnel(ctx context.Context, old, to tunnel.Name) (api.Tunnel, error) {
	return ask[api.Tunnel](ctx, c, request{method: http.MethodPost, path: at("tunnels", string(old), "rename"), body: api.Rename{To: to}})
}

// ExportTunnel returns a configuration with its keys. Only an administrator may.
func (c *Client) ExportTunnel(ctx context.Context, name tunnel.Name) (api.Export, error) {
	return ask[api.Export](ctx, c, request{method: http.MethodGet, path: at("tunnels", string(name), "export")})
}

// CheckTunnel tells what is wrong with a configuration, and what it would do.
// Nothing is stored. An invalid text is a reply here, not an error.
func (c *Client) CheckTunnel(ctx context.Context, text string) (api.Check, error) {
	return ask[api.Check](ctx, c, request{method: http.MethodPost, path: at("tunnels", "check"), body: api.Draft{Text: text}})
}

// CheckDraft is CheckTunnel for a text that was edited: (kept) stands for the
// secrets of the tunnel that the draft names.
func (c *Client) CheckDraft(ctx context.Context, draft api.Draft) (api.Check, error) {
	return ask[api.Check](ctx, c, request{method: http.MethodPost, path: at("tunnels", "check"), body: draft})
}

// TunnelText returns a configuration to edit: (kept) stands for each secret.
func (c *Client) TunnelText(ctx context.Context, name tunnel.Name) (api.Editable, error) {
	return ask[api.Editable](ctx, c, request{method: http.MethodGet, path: at("tunnels", string(name), "text")})
}

// RestoreTunnel undoes the deletion of a tunnel, within ten minutes.
func (c *Client) RestoreTunnel(ctx context.Context, name tunnel.Name) (api.Tunnel, error) {
	return ask[api.Tunnel](ctx, c, request{method: http.MethodPost, path: at("tunnels", string(name), "restore")})
}

// Groups lists the groups, sorted by name.
func (c *Client) Groups(ctx context.Context) (api.Groups, error) {
	return ask[api.Groups](ctx, c, request{method: http.MethodGet, path: at("groups")})
}

// SetGroup makes a group, or gives it other members. The first is the primary.
func (c *Client) SetGroup(ctx context.Context, name tunnel.Name, members []tunnel.Name) (api.Groups, error) {
	if members == nil {
		members = []tunnel.Name{}
	}
	return ask[api.Groups](ctx, c, request{method: http.MethodPut, path: at("groups", string(name)), body: api.Members{Members: members}})
}

// RemoveGroup deletes a group; its tunnels stay.
func (c *Client) RemoveGroup(ctx context.Context, name tunnel.Name) error {
	return c.call(ctx, request{method: http.MethodDelete, path: at("groups", string(name))}, nil)
}

// History returns a page of events. Where the reply has a Next, the ID of its
// last event is Before of the query for the page that follows (After, where the
// query had After).
func (c *Client) History(ctx context.Context, q api.EventQuery) (api.History, error) {
	return ask[api.History](ctx, c, request{method: http.MethodGet, path: at("history"), query: eventQuery(q)})
}

// HistoryCSV writes a page of events as CSV, with a line of headings.
func (c *Client) HistoryCSV(ctx context.Context, q api.EventQuery, w io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("history"), query: eventQuery(q), accept: "text/csv"}, w)
}

func eventQuery(q api.EventQuery) url.Values {
	v := url.Values{}
	if q.Forwards() {
		v.Set("after", strconv.FormatInt(q.After, 10))
	}
	setID(v, "before", q.Before)
	setTime(v, "since", q.Since)
	setTime(v, "until", q.Until)
	for _, k := range q.Kinds {
		v.Add("kind", string(k))
	}
	setName(v, q.Tunnel)
	setID(v, "limit", int64(q.Limit))
	return v
}

// Summary tells what a span of time came to. Zero times: no bound.
func (c *Client) Summary(ctx context.Context, since, until time.Time) (api.Summary, error) {
	v := url.Values{}
	setTime(v, "since", since)
	setTime(v, "until", until)
	return ask[api.Summary](ctx, c, request{method: http.MethodGet, path: at("history", "summary"), query: v})
}

// Timeline tells how things stood in [since, until), in so many parts at most. A
// zero until is now, a zero since a day before it, 0 parts are 500.
func (c *Client) Timeline(ctx context.Context, since, until time.Time, parts int) (api.Timeline, error) {
	v := url.Values{}
	setTime(v, "since", since)
	setTime(v, "until", until)
	setID(v, "parts", int64(parts))
	return ask[api.Timeline](ctx, c, request{method: http.MethodGet, path: at("history", "timeline"), query: v})
}

// Samples returns readings of the counters.
func (c *Client) Samples(ctx context.Context, q api.SampleQuery) (api.Samples, error) {
	v := url.Values{}
	setTime(v, "since", q.Since)
	setTime(v, "until", q.Until)
	if q.Step != 0 {
		v.Set("step", q.Step.String())
	}
	setName(v, q.Tunnel)
	return ask[api.Samples](ctx, c, request{method: http.MethodGet, path: at("samples"), query: v})
}

// Notices lists the open notices; with all, also those that were cleared.
func (c *Client) Notices(ctx context.Context, all bool) (api.Notices, error) {
	v := url.Values{}
	if all {
		v.Set("all", "true")
	}
	return ask[api.Notices](ctx, c, request{method: http.MethodGet, path: at("notices"), query: v})
}

// AckNotice says that the person has seen a notice.
func (c *Client) AckNotice(ctx context.Context, id int64) error {
	return c.call(ctx, request{method: http.MethodPost, path: at("notices", strconv.FormatInt(id, 10), "ack")}, nil)
}

// Diagnosis returns the latest diagnosis. api.ErrNotFound: there is none yet.
func (c *Client) Diagnosis(ctx context.Context) (api.Diagnosis, error) {
	return ask[api.Diagnosis](ctx, c, request{method: http.MethodGet, path: at("diagnosis")})
}

// Diagnose looks now. It can take half a minute.
func (c *Client) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	return ask[api.Diagnosis](ctx, c, request{method: http.MethodPost, path: at("diagnosis", "run")})
}

// DiagnoseStep is Diagnose that tells each check as it begins (its Result is
// "running") and as it ends.
func (c *Client) DiagnoseStep(ctx context.Context, each func(api.Finding)) (api.Diagnosis, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	r := request{method: http.MethodPost, path: at("diagnosis", "run"), accept: "text/event-stream"}
	for f, err := range c.frames(ctx, r) {
		if err != nil {
			return api.Diagnosis{}, err
		}
		switch f.kind {
		case "check":
			var found api.Finding
			if err := f.decode(&found); err != nil {
				return api.Diagnosis{}, err
			}
			each(found)
		case "error":
			refusal := &api.Error{}
			if err := f.decode(refusal); err != nil {
				return api.Diagnosis{}, err
			}
			return api.Diagnosis{}, refusal
		case "diagnosis":
			var d api.Diagnosis
			err := f.decode(&d)
			return d, err
		}
	}
	return api.Diagnosis{}, io.ErrUnexpectedEOF // frames ends with an error, always
}

// Settings lists every setting.
func (c *Client) Settings(ctx context.Context) (api.Settings, error) {
	return ask[api.Settings](ctx, c, request{method: http.MethodGet, path: at("settings")})
}

// SetSettings changes settings: all that are given, or on an error none. It
// returns all settings as they are then.
func (c *Client) SetSettings(ctx context.Context, set map[string]string) (api.Settings, error) {
	return ask[api.Settings](ctx, c, request{method: http.MethodPatch, path: at("settings"), body: set})
}

// Guard tells what the guard does.
func (c *Client) Guard(ctx context.Context) (api.Guard, error) {
	return ask[api.Guard](ctx, c, request{method: http.MethodGet, path: at("guard")})
}

// SetGuard opens or shuts the guard. Only an administrator may, but for a pause
// and the end of one.
func (c *Client) SetGuard(ctx context.Context, want api.GuardRequest) (api.Guard, error) {
	return ask[api.Guard](ctx, c, request{method: http.MethodPost, path: at("guard"), body: want})
}

// Logs returns the last lines of the service's log. n: 1 to 10,000; 0: 200.
func (c *Client) Logs(ctx context.Context, n int) (api.Logs, error) {
	return ask[api.Logs](ctx, c, request{method: http.MethodGet, path: at("logs"), query: logQuery(n)})
}

func logQuery(n int) url.Values {
	v := url.Values{}
	setID(v, "lines", int64(n))
	return v
}

// Bundle writes a zip archive for a report of a fault. It holds no key and no
// address in full.
func (c *Client) Bundle(ctx context.Context, w io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: at("bundle"), accept: "application/zip"}, w)
}

// Metrics writes the Prometheus text format.
func (c *Client) Metrics(ctx context.Context, w io.Writer) error {
	return c.copyTo(ctx, request{method: http.MethodGet, path: "/metrics", accept: "text/plain"}, w)
}

func setID(v url.Values, key string, id int64) {
	if id != 0 {
		v.Set(key, strconv.FormatInt(id, 10))
	}
}

func setTime(v url.Values, key string, t time.Time) {
	if !t.IsZero() {
		v.Set(key, t.UTC().Format(time.RFC3339Nano))
	}
}

func setName(v url.Values, name tunnel.Name) {
	if name != "" {
		v.Set("tunnel", string(name))
	}
}

// fill makes the slices of a status non-nil.
func fill(s *api.Status) {
	if s.Members == nil {
		s.Members = s.Members[:0:0]
	}
	if s.Notices == nil {
		s.Notices = []event.Notice{}
	}
}
