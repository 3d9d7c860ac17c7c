package web

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

const (
	zipContent = "application/zip"
	// bundleLines is how much of the log a bundle holds.
	bundleLines = 5000
)

// bundle is everything somebody else needs to understand a fault, and nothing
// that says where the person is or lets anyone in: see redactor.
func (s *server) bundle(w http.ResponseWriter, r *http.Request) error {
	visitOf(r).changes = true // so that the audit is told
	configs, hosts := s.bundleConfigs()
	files := []bundleFile{
		{"version.json", s.Version},
		{"status.json", s.Engine.Status()},
		{"tunnels.json", configs},
		{"groups.json", s.listGroups()},
		{"settings.json", listSettings(s.Library.Policy())},
		{"events.json", s.bundleEvents(r.Context())},
		{"log.txt", s.bundleLog()},
	}
	s.mu.Lock()
	if s.diagnosis != nil {
		files = append(files, bundleFile{"diagnosis.json", s.diagnosis})
	}
	s.mu.Unlock()
	if host, err := os.Hostname(); err == nil {
		hosts = append(hosts, host)
	}
	archive, err := zipFiles(files, newRedactor(hosts))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", zipContent)
	_, _ = w.Write(archive)
	return nil
}

// bundleFile is one file of a bundle: a text as it is, anything else as JSON.
type bundleFile struct {
	name string
	what any
}

func zipFiles(files []bundleFile, red *redactor) ([]byte, error) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, f := range files {
		text, isText := f.what.(string)
		if !isText {
			var b strings.Builder
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false) // the redactor must see what is there
			enc.SetIndent("", " ")
			if err := enc.Encode(f.what); err != nil {
				return nil, fmt.Errorf("write %s: %w", f.name, err)
			}
			text = b.String()
		}
		to, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Now().UTC()})
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
		if _, err := to.Write([]byte(red.redact(text))); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write archive: %w", err)
	}
	return archive.Bytes(), nil
}

// bundleConfigs are the configurations, and the host names in them. Scripts
// may hold anything, so only their number is told.
func (s *server) bundleConfigs() (configs map[tunnel.Name]any, hosts []string) {
	configs = map[tunnel.Name]any{}
	for _, name := range s.Library.Tunnels() {
		c, err := s.Library.Tunnel(name)
		if err != nil {
			configs[name] = "cannot be read: " + err.Error()
			continue
		}
		for _, p := range c.Peers {
			hosts = append(hosts, p.Endpoint.Host)
		}
		hosts = append(hosts, c.Interface.Search...)
		shown := showConfig(c)
		for i := range shown.Scripts {
			shown.Scripts[i] = "(left out)"
		}
		for i, w := range shown.Warnings {
			if w.Code == tunnel.ScriptsNotRun {
				shown.Warnings[i].Details = nil
			}
		}
		configs[name] = shown
	}
	return configs, hosts
}

func (s *server) bundleEvents(ctx context.Context) any {
	page, err := s.History.Events(ctx, api.EventQuery{Limit: api.MaxPage})
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	return page.Events
}

func (s *server) bundleLog() string {
	lines, _, cancel := s.Logs.Tail(bundleLines)
	cancel()
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s %s\n", l.At.UTC().Format(time.RFC3339Nano), l.Level, l.Text)
	}
	return b.String()
}
