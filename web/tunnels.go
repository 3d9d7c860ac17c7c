package web

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func (s *server) tunnels(w http.ResponseWriter, _ *http.Request) error {
	reply := api.Tunnels{Schema: api.Schema, Tunnels: []api.TunnelSummary{}}
	active := activeName(s.Engine.Status())
	groups := s.Library.Groups()
	for _, name := range s.Library.Tunnels() {
		sum := api.TunnelSummary{Name: name, Groups: groupsOf(groups, name), Active: name == active}
		c, err := s.Library.Tunnel(name)
		switch {
		case s.isNotFound(err):
			continue // it was removed meanwhile
		case err != nil:
			sum.Problem = err.Error()
		default:
			sum.Full = isFull(c)
			if len(c.Peers) > 0 {
				sum.Endpoint = c.Peers[0].Endpoint.String()
			}
		}
		reply.Tunnels = append(reply.Tunnels, sum)
	}
	return ok(w, reply)
}

func (s *server) tunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	reply, err := s.describe(name)
	if err != nil {
		return err
	}
	return ok(w, reply)
}

// describe is a tunnel without its secrets.
func (s *server) describe(name tunnel.Name) (api.Tunnel, error) {
	c, err := s.load(name)
	if err != nil {
		return api.Tunnel{}, err
	}
	return api.Tunnel{
		Schema: api.Schema, Name: name, Groups: groupsOf(s.Library.Groups(), name),
		Active: name == activeName(s.Engine.Status()), Config: showConfig(c),
	}, nil
}

func (s *server) load(name tunnel.Name) (*tunnel.Config, error) {
	c, err := s.Library.Tunnel(name)
	if s.isNotFound(err) {
		return nil, noTunnel(string(name))
	}
	return c, err
}

func (s *server) importTunnel(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[api.Import](w, r, configBody)
	if err != nil {
		return err
	}
	name, err := parseName(body.Name)
	if err != nil {
		return err
	}
	visitOf(r).object = string(name)
	c, err := parseConfig(body.Text)
	if err != nil {
		return err
	}
	if err := s.Library.Save(name, c, body.Overwrite); s.isConflict(err) {
		hint := "Give it another name, or replace the other with --replace."
		if body.Overwrite {
			hint = "Give it another name."
		}
		return refuse(api.Conflict, fmt.Sprintf("The name %q is taken.", name), hint)
	} else if err != nil {
		return err
	}
	return s.saved(w, r, http.StatusCreated, name)
}

func (s *server) replaceTunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	body, err := readBody[api.Text](w, r, configBody)
	if err != nil {
		return err
	}
	if _, err := s.load(name); s.codeOfNil(err) == api.NotFound {
		return err
	}
	c, err := parseConfig(body.Text)
	if err != nil {
		return err
	}
	if err := s.Library.Save(name, c, true); err != nil {
		return err
	}
	return s.saved(w, r, http.StatusOK, name)
}

// codeOfNil is codeOf, and "" for no error.
func (s *server) codeOfNil(err error) api.Code {
	if err == nil {
		return ""
	}
	return s.codeOf(err)
}

// saved tells the engine that a tunnel was written, and the caller what is
// there now. What was stored stays stored where the engine cannot take it in.
func (s *server) saved(w http.ResponseWriter, r *http.Request, code int, name tunnel.Name) error {
	s.tellEngine(r.Context(), name)
	reply, err := s.describe(name)
	if err != nil {
		return err
	}
	writeJSON(w, code, reply)
	return nil
}

// tellEngine says that the library has changed. The change is done, so the
// caller's leaving must not keep it from the engine.
func (s *server) tellEngine(ctx context.Context, changed tunnel.Name) {
	if err := s.Engine.ConfigsChanged(context.WithoutCancel(ctx), changed); err != nil {
		s.Log.Error("the engine did not take a change of the configuration", "tunnel", string(changed), "err", err)
	}
}

// parseConfig reads a configuration. Its errors are fit for the caller.
func parseConfig(text string) (*tunnel.Config, error) {
	if len(text) > api.MaxConfig {
		return nil, refuse(api.TooLarge, fmt.Sprintf("The configuration is longer than %d bytes.", api.MaxConfig), "")
	}
	return tunnel.Parse([]byte(text))
}

func (s *server) removeTunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	if err := readNothing(w, r); err != nil {
		return err
	}
	if inUse(s.Engine.Status(), name) {
		return busy(name)
	}
	switch err := s.Library.Remove(name); {
	case s.isNotFound(err):
		return noTunnel(string(name))
	case s.isConflict(err):
		return refuse(api.Conflict, fmt.Sprintf("%q is a member of a group.", name), "Take it out of the group first: holdfast group set")
	case err != nil:
		return err
	}
	s.tellEngine(r.Context(), "")
	return done(w)
}

func (s *server) renameTunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	body, err := readBody[api.Rename](w, r, smallBody)
	if err != nil {
		return err
	}
	to, err := parseName(body.To)
	if err != nil {
		return err
	}
	if inUse(s.Engine.Status(), name) {
		return busy(name)
	}
	switch err := s.Library.Rename(name, to); {
	case s.isNotFound(err):
		return noTunnel(string(name))
	case s.isConflict(err):
		return refuse(api.Conflict, fmt.Sprintf("The name %q is taken.", to), "Choose another name.")
	case err != nil:
		return err
	}
	return s.saved(w, r, http.StatusOK, to)
}

// exportTunnel is the one place where secrets leave.
func (s *server) exportTunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	visitOf(r).changes = true // so that the audit is told
	c, err := s.load(name)
	if err != nil {
		return err
	}
	return ok(w, api.Export{Schema: api.Schema, Name: name, Text: c.Render()})
}

// checkTunnel stores nothing, so the audit is not told of it.
func (s *server) checkTunnel(w http.ResponseWriter, r *http.Request) error {
	visitOf(r).changes = false
	body, err := readBody[api.Text](w, r, configBody)
	if err != nil {
		return err
	}
	reply := api.Check{Schema: api.Schema, Problems: []tunnel.Problem{}}
	c, err := parseConfig(body.Text)
	if err != nil {
		e := s.word(r, err)
		if len(e.Problems) == 0 {
			return err
		}
		reply.Problems = e.Problems
		return ok(w, reply)
	}
	shown := showConfig(c)
	reply.Valid, reply.Config = true, &shown
	return ok(w, reply)
}

func busy(name tunnel.Name) error {
	return refuse(api.Conflict, fmt.Sprintf("%q is in use.", name), "Disconnect first: holdfast down")
}

// inUse says that a name is part of what is wished for now.
func inUse(st status.Status, name tunnel.Name) bool {
	return st.Wish.On && (st.Wish.Target == name || isMember(st, name)) || activeName(st) == name
}

func activeName(st status.Status) tunnel.Name {
	if st.Active == nil {
		return ""
	}
	return st.Active.Tunnel
}

// groupsOf are the groups a tunnel is a member of, sorted.
func groupsOf(groups map[tunnel.Name][]tunnel.Name, name tunnel.Name) []tunnel.Name {
	in := []tunnel.Name{}
	for g, members := range groups {
		if slices.Contains(members, name) {
			in = append(in, g)
		}
	}
	slices.Sort(in)
	return in
}

func isFull(c *tunnel.Config) bool {
	v4, v6 := c.FullTunnel()
	return v4 || v6
}

// showConfig is a configuration without its secrets. A script is shown as it
// is: a person must see what they were given.
func showConfig(c *tunnel.Config) api.Config {
	i := c.Interface
	shown := api.Config{
		Addresses: texts(i.Addresses), DNS: texts(i.DNS), Search: append([]string{}, i.Search...),
		ListenPort: i.ListenPort, MTU: i.MTU, Peers: []api.Peer{}, Full: isFull(c),
		Scripts: append([]string{}, i.Scripts()...), Warnings: append([]tunnel.Warning{}, c.Warnings()...),
	}
	if !i.PrivateKey.IsZero() {
		shown.PublicKey = i.PrivateKey.Public().String()
	}
	for _, p := range c.Peers {
		shown.Peers = append(shown.Peers, api.Peer{
			PublicKey: p.PublicKey.String(), PresharedKey: !p.PresharedKey.IsZero(),
			AllowedIPs: texts(p.AllowedIPs), Endpoint: p.Endpoint.String(), Keepalive: p.Keepalive,
		})
	}
	routes := c.Routes()
	slices.SortFunc(routes, netip.Prefix.Compare)
	shown.Routes = texts(routes)
	return shown
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}
