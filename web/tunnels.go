package web

import (
	"context"
	"crypto/rand"
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
	c, err := parseConfig(body.Text, tunnel.Edit{NewKey: newKey})
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
	before, err := s.load(name)
	if s.codeOfNil(err) == api.NotFound {
		return err
	}
	// What cannot be read is replaced, too; then before is nil.
	c, err := parseConfig(body.Text, tunnel.Edit{Before: before, NewKey: newKey})
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

// newKey makes a private key.
func newKey() tunnel.PrivateKey {
	var random [32]byte
	_, _ = rand.Read(random[:]) // it never fails
	return tunnel.NewPrivateKey(random)
}

// parseConfig reads a configuration. Its errors are fit for the caller.
func parseConfig(text string, edit tunnel.Edit) (*tunnel.Config, error) {
	if len(text) > api.MaxConfig {
		return nil, refuse(api.TooLarge, fmt.Sprintf("The configuration is longer than %d bytes.", api.MaxConfig), "")
	}
	return edit.Parse([]byte(text))
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
	before, unread := s.load(name)
	switch err := s.Library.Remove(name); {
	case s.isNotFound(err):
		return noTunnel(string(name))
	case s.isConflict(err):
		return refuse(api.Conflict, fmt.Sprintf("%q is a member of a group.", name), "Take it out of the group first: holdfast group set")
	case err != nil:
		return err
	}
	if unread == nil {
		s.deleted.put(name, before)
	}
	s.tellEngine(r.Context(), "")
	return done(w)
}

// restoreTunnel undoes a deletion. What is gone stays gone where its name has
// been taken.
func (s *server) restoreTunnel(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	if err := readNothing(w, r); err != nil {
		return err
	}
	c := s.deleted.get(name)
	if c == nil {
		return refuse(api.NotFound, fmt.Sprintf("There is no deleted tunnel %q to restore.", name), "A tunnel can be restored for 10 minutes.")
	}
	if err := s.Library.Save(name, c, false); s.isConflict(err) {
		return refuse(api.Conflict, fmt.Sprintf("The name %q is taken.", name), "Rename the tunnel or group that has it, and try again.")
	} else if err != nil {
		return err
	}
	s.deleted.drop(name)
	return s.saved(w, r, http.StatusCreated, name)
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

// tunnelText is a tunnel to edit. A file that cannot be read is not shown: it
// may hold secrets anywhere.
func (s *server) tunnelText(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	c, err := s.load(name)
	if err != nil {
		return err
	}
	return ok(w, api.Editable{Schema: api.Schema, Name: name, Text: c.Editable()})
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
	body, err := readBody[api.Draft](w, r, configBody)
	if err != nil {
		return err
	}
	var edit tunnel.Edit
	if body.Name != "" {
		name, err := parseName(body.Name)
		if err != nil {
			return err
		}
		if edit.Before, err = s.load(name); s.codeOfNil(err) == api.NotFound {
			return err
		}
	}
	made := false
	edit.NewKey = func() tunnel.PrivateKey {
		made = true
		return newKey() // only to see whether the rest fits
	}
	reply := api.Check{Schema: api.Schema, Problems: []tunnel.Problem{}}
	c, err := parseConfig(body.Text, edit)
	if err != nil {
		e := s.word(r, err)
		if len(e.Problems) == 0 {
			return err
		}
		reply.Problems = e.Problems
		return ok(w, reply)
	}
	shown := showConfig(c)
	if made {
		shown.PublicKey = ""
	}
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
