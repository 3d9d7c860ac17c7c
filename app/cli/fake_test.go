package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"holdfast/build/version"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// fakeService answers the API on a real socket from memory: what the service
// would say, without tunnels. A wish comes true at once, unless it is silent.
type fakeService struct {
	socket string
	server *http.Server

	mu        sync.Mutex
	tunnels   map[tunnel.Name]string
	groups    map[tunnel.Name][]tunnel.Name
	settings  []api.Setting
	status    api.Status
	events    []event.Event
	guard     api.Guard
	silent    bool       // no wish comes true
	refusal   *api.Error // answers everything, where set
	listeners []chan string
}

// epoch is now for the fake service.
var epoch = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// newFakeService makes a service that does not listen yet.
func newFakeService(dir string) *fakeService {
	f := &fakeService{
		socket:  filepath.Join(dir, "s"),
		tunnels: make(map[tunnel.Name]string),
		groups:  make(map[tunnel.Name][]tunnel.Name),
		guard:   api.Guard{Schema: api.Schema, Guard: status.Guard{Mode: failover.GuardOff}},
		settings: []api.Setting{
			{Key: "profile", Value: "balanced", Default: "balanced", Choices: []string{"classic", "balanced"}},
			{Key: "traffic_timeout", Value: "30s", Default: "30s", Unit: "duration", Min: "1s", Max: "1h", Choices: []string{}},
		},
	}
	f.status.Status = status.Status{
		Schema: status.Schema, At: epoch, Overall: status.Off, Members: []status.Member{},
		Underlay: "ok", Guard: status.Guard{Mode: failover.GuardOff}, Notices: []event.Notice{},
	}
	return f
}

// startFake makes a service that listens until the test ends.
func startFake(t *testing.T) *fakeService {
	t.Helper()
	dir, err := os.MkdirTemp("", "hf") // short: a socket's path has little room
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := newFakeService(dir)
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	return f
}

func (f *fakeService) start() error {
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		return err
	}
	f.server = &http.Server{Handler: f.routes(), ReadHeaderTimeout: time.Second}
	go f.server.Serve(listener) //nolint:errcheck // ends with stop
	return nil
}

func (f *fakeService) stop() {
	if f.server != nil {
		_ = f.server.Close()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		close(l)
	}
	f.listeners = nil
}

// A reply is what a route answers: an object, or an *api.Error.
type reply any

func (f *fakeService) routes() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, answer func(*http.Request) reply) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			refusal := f.refusal
			var body reply
			if refusal == nil {
				body = answer(r)
			}
			f.mu.Unlock()
			if refusal == nil {
				refusal, _ = body.(*api.Error)
			}
			if refusal != nil {
				w.WriteHeader(http.StatusTeapot) // the code in the body decides
				body = refusal
			}
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	f.routeTunnels(on)
	f.routeWishes(on)
	on("GET /api/v1/version", func(*http.Request) reply {
		return api.Version{Schema: 1, Version: version.Version, Commit: version.Commit, Go: "go1.26"}
	})
	on("GET /api/v1/status", func(*http.Request) reply { return f.status })
	on("GET /api/v1/history", f.history)
	on("GET /api/v1/notices", func(*http.Request) reply { return api.Notices{Schema: 1, Notices: f.status.Notices} })
	on("POST /api/v1/notices/{id}/ack", func(r *http.Request) reply {
		for i := range f.status.Notices {
			if strconv.FormatInt(f.status.Notices[i].ID, 10) == r.PathValue("id") {
				f.status.Notices[i].Acknowledged = true
				return api.Done{Schema: 1}
			}
		}
		return &api.Error{Code: api.NotFound, Message: "there is no such notice"}
	})
	on("POST /api/v1/diagnosis/run", func(*http.Request) reply {
		cause := tunnel.NothingListens
		return api.Diagnosis{
			Schema: 1, At: epoch, Tunnel: "nl", Verdict: health.Unhealthy, Cause: &cause, Title: "Nothing listens there",
			Certain: true, What: "The server refused the packet.", Advice: "Start WireGuard on the server.",
			Evidence: "192.0.2.1 refused a datagram to port 51820.", Others: []tunnel.Cause{tunnel.Lossy},
			Checks: []api.Finding{
				{Name: "underlay", Result: "ok", Evidence: "eth0 has a gateway", TookMs: 3},
				{Name: "endpoint", Result: "failed", Evidence: "port unreachable\x1b[31m"},
			},
		}
	})
	on("GET /api/v1/settings", func(*http.Request) reply { return api.Settings{Schema: 1, Settings: f.settings} })
	on("PATCH /api/v1/settings", f.setSettings)
	on("GET /api/v1/guard", func(*http.Request) reply { return f.guard })
	on("POST /api/v1/guard", func(*http.Request) reply { return f.guard })
	mux.HandleFunc("GET /api/v1/logs", f.logs)
	mux.HandleFunc("GET /api/v1/bundle", func(w http.ResponseWriter, _ *http.Request) {
		archive := zip.NewWriter(w)
		_, _ = archive.Create("version.txt")
		_ = archive.Close()
	})
	mux.HandleFunc("GET /api/v1/stream", f.stream)
	return mux
}

func (f *fakeService) routeTunnels(on func(string, func(*http.Request) reply)) {
	missing := &api.Error{Code: api.NotFound, Message: "there is no such tunnel"}
	on("GET /api/v1/tunnels", func(*http.Request) reply {
		list := api.Tunnels{Schema: 1, Tunnels: []api.TunnelSummary{}}
		for _, name := range slices.Sorted(maps.Keys(f.tunnels)) {
			list.Tunnels = append(list.Tunnels, api.TunnelSummary{
				Name: name, Groups: []tunnel.Name{}, Full: true, Endpoint: "192.0.2.1:51820",
			})
		}
		return list
	})
	on("POST /api/v1/tunnels", func(r *http.Request) reply {
		var in api.Import
		_ = json.NewDecoder(r.Body).Decode(&in)
		if _, there := f.tunnels[in.Name]; there && !in.Overwrite {
			return &api.Error{Code: api.Conflict, Message: "there is a tunnel of that name"}
		}
		f.tunnels[in.Name] = in.Text
		return f.tunnel(in.Name)
	})
	on("GET /api/v1/tunnels/{name}", func(r *http.Request) reply {
		if _, there := f.tunnels[tunnel.Name(r.PathValue("name"))]; !there {
			return missing
		}
		return f.tunnel(tunnel.Name(r.PathValue("name")))
	})
	on("PUT /api/v1/tunnels/{name}", func(r *http.Request) reply {
		var in api.Text
		_ = json.NewDecoder(r.Body).Decode(&in)
		f.tunnels[tunnel.Name(r.PathValue("name"))] = in.Text
		return f.tunnel(tunnel.Name(r.PathValue("name")))
	})
	on("DELETE /api/v1/tunnels/{name}", func(r *http.Request) reply {
		name := tunnel.Name(r.PathValue("name"))
		if _, there := f.tunnels[name]; !there {
			return missing
		}
		for group, members := range f.groups {
			if slices.Contains(members, name) {
				return &api.Error{Code: api.Conflict, Message: string(name) + " is in " + string(group), Hint: "take it out first"}
			}
		}
		delete(f.tunnels, name)
		return api.Done{Schema: 1}
	})
	on("POST /api/v1/tunnels/{name}/rename", func(r *http.Request) reply {
		var in api.Rename
		_ = json.NewDecoder(r.Body).Decode(&in)
		old := tunnel.Name(r.PathValue("name"))
		if _, there := f.tunnels[old]; !there {
			return missing
		}
		f.tunnels[in.To] = f.tunnels[old]
		delete(f.tunnels, old)
		return f.tunnel(in.To)
	})
	on("GET /api/v1/tunnels/{name}/export", func(r *http.Request) reply {
		name := tunnel.Name(r.PathValue("name"))
		text, there := f.tunnels[name]
		if !there {
			return missing
		}
		return api.Export{Schema: 1, Name: name, Text: text}
	})
	on("GET /api/v1/groups", func(*http.Request) reply { return f.groupList() })
	on("PUT /api/v1/groups/{name}", func(r *http.Request) reply {
		var in api.Members
		_ = json.NewDecoder(r.Body).Decode(&in)
		for _, m := range in.Members {
			if _, there := f.tunnels[m]; !there {
				return &api.Error{Code: api.NotFound, Message: "there is no tunnel " + string(m)}
			}
		}
		f.groups[tunnel.Name(r.PathValue("name"))] = in.Members
		return f.groupList()
	})
	on("DELETE /api/v1/groups/{name}", func(r *http.Request) reply {
		name := tunnel.Name(r.PathValue("name"))
		if _, there := f.groups[name]; !there {
			return &api.Error{Code: api.NotFound, Message: "there is no such group"}
		}
		delete(f.groups, name)
		return api.Done{Schema: 1}
	})
}

func (f *fakeService) groupList() api.Groups {
	list := api.Groups{Schema: 1, Groups: []api.Group{}}
	for _, name := range slices.Sorted(maps.Keys(f.groups)) {
		list.Groups = append(list.Groups, api.Group{Name: name, Members: f.groups[name]})
	}
	return list
}

// tunnel shows a tunnel as the service would: parsed, without its secrets.
func (f *fakeService) tunnel(name tunnel.Name) reply {
	config, err := tunnel.Parse([]byte(f.tunnels[name]))
	if err != nil {
		return &api.Error{Code: api.Invalid, Message: "not valid", Problems: []tunnel.Problem{{Line: 3, Message: err.Error()}}}
	}
	t := api.Tunnel{Schema: 1, Name: name, Groups: []tunnel.Name{}}
	t.Config.PublicKey = config.Interface.PrivateKey.Public().String()
	t.Config.Scripts = config.Interface.Scripts()
	for _, a := range config.Interface.Addresses {
		t.Config.Addresses = append(t.Config.Addresses, a.String())
	}
	for _, p := range config.Peers {
		peer := api.Peer{PublicKey: p.PublicKey.String(), PresharedKey: !p.PresharedKey.IsZero(), Endpoint: p.Endpoint.String()}
		for _, a := range p.AllowedIPs {
			peer.AllowedIPs = append(peer.AllowedIPs, a.String())
		}
		t.Config.Peers = append(t.Config.Peers, peer)
	}
	return t
}

func (f *fakeService) routeWishes(on func(string, func(*http.Request) reply)) {
	on("POST /api/v1/connect", func(r *http.Request) reply {
		var in api.Target
		_ = json.NewDecoder(r.Body).Decode(&in)
		if in.Target == "" {
			in.Target = f.status.Wish.Target
		}
		members, there := f.groups[in.Target]
		if _, single := f.tunnels[in.Target]; single {
			members, there = []tunnel.Name{in.Target}, true
		}
		if !there {
			return &api.Error{Code: api.NotFound, Message: fmt.Sprintf("there is no tunnel or group %s", in.Target)}
		}
		f.status.Wish = status.Wish{On: true, Target: in.Target}
		f.status.Overall = status.Connecting
		before := f.status
		f.comeTrue(status.Protected, members[0])
		return before
	})
	on("POST /api/v1/disconnect", func(*http.Request) reply {
		f.status.Wish.On = false
		before := f.status
		f.comeTrue(status.Off, "")
		return before
	})
	on("POST /api/v1/switch", func(r *http.Request) reply {
		var in api.Switch
		_ = json.NewDecoder(r.Body).Decode(&in)
		if !f.status.Wish.On {
			return &api.Error{Code: api.Conflict, Message: "nothing is on"}
		}
		before := f.status
		f.comeTrue(status.Protected, in.Name)
		return before
	})
	on("POST /api/v1/reconnect", func(*http.Request) reply {
		if f.status.Active == nil {
			return &api.Error{Code: api.Conflict, Message: "nothing is on"}
		}
		if !f.silent {
			f.happenLocked(event.Event{Kind: event.Restarted, Tunnel: f.status.Active.Tunnel})
		}
		return f.status
	})
}

// comeTrue makes a wish come true after the reply, unless the service is silent.
func (f *fakeService) comeTrue(overall status.Overall, active tunnel.Name) {
	if f.silent {
		return
	}
	f.status.Overall = overall
	f.status.Active = nil
	if active != "" {
		f.status.Active = &status.Active{
			Tunnel: active, Group: f.status.Wish.Target, Since: epoch, State: tunnel.Up, Verdict: health.Healthy,
			Endpoint: "192.0.2.1:51820",
		}
	}
	f.publishLocked()
}

func (f *fakeService) history(r *http.Request) reply {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	before, _ := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	kinds := r.URL.Query()["kind"]
	page := api.History{Schema: 1, Events: []api.Event{}}
	list := slices.Clone(f.events)
	if after == 0 {
		slices.Reverse(list)
	}
	for _, e := range list {
		switch {
		case before > 0 && e.ID >= before || after > 0 && e.ID <= after:
		case len(kinds) > 0 && !slices.Contains(kinds, string(e.Kind)):
		case len(page.Events) == min(limit, 2): // small pages, so that paging is tried
			page.Next = "more" // the API's own word, which only the API reads
			return page
		default:
			page.Events = append(page.Events, api.Event{Event: e, Sentence: e.Sentence()})
		}
	}
	return page
}

func (f *fakeService) setSettings(r *http.Request) reply {
	var set map[string]string
	_ = json.NewDecoder(r.Body).Decode(&set)
	for key, value := range set {
		i := slices.IndexFunc(f.settings, func(s api.Setting) bool { return s.Key == key })
		if i < 0 || value == "bad" {
			return &api.Error{Code: api.Invalid, Message: fmt.Sprintf("%s cannot be %s", key, value)}
		}
		f.settings[i].Value = value
	}
	return api.Settings{Schema: 1, Settings: f.settings}
}

func (f *fakeService) logs(w http.ResponseWriter, r *http.Request) {
	line := api.LogLine{At: epoch, Level: "info", Text: "started err=\"\x1b[2J\""}
	if r.URL.Query().Get("follow") != "" {
		b, _ := json.Marshal(line)
		fmt.Fprintf(w, "event: log\ndata: %s\n\n", b)
		return
	}
	_ = json.NewEncoder(w).Encode(api.Logs{Schema: 1, Lines: []api.LogLine{line}})
}

// stream sends a snapshot, then what happens until the service stops.
func (f *fakeService) stream(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	l := make(chan string, 64)
	f.mu.Lock()
	if f.refusal != nil {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(f.refusal)
		f.mu.Unlock()
		return
	}
	l <- frameOf("snapshot", f.status.EventID, f.status)
	for _, e := range f.events {
		if after > 0 && e.ID > after {
			l <- frameOf("event", e.ID, e)
		}
	}
	f.listeners = append(f.listeners, l)
	f.mu.Unlock()
	for {
		select {
		case frame, open := <-l:
			if !open {
				return
			}
			_, _ = w.Write([]byte(frame))
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func frameOf(kind string, id int64, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", id, kind, b)
}

// happen records an event and tells who listens.
func (f *fakeService) happen(e event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.happenLocked(e)
}

func (f *fakeService) happenLocked(e event.Event) {
	e.ID = int64(len(f.events) + 1)
	if e.At.IsZero() {
		e.At = epoch
	}
	f.events = append(f.events, e)
	f.status.EventID = e.ID
	f.tellLocked(frameOf("event", e.ID, e))
}

// stand changes how things stand and tells who listens.
func (f *fakeService) stand(change func(*api.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
	f.publishLocked()
}

func (f *fakeService) publishLocked() { f.tellLocked(frameOf("status", f.status.EventID, f.status)) }

func (f *fakeService) tellLocked(frame string) {
	for _, l := range f.listeners {
		l <- frame
	}
}
