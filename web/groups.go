package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// maxMembers bounds a group.
const maxMembers = 64

func (s *server) groups(w http.ResponseWriter, _ *http.Request) error { return ok(w, s.listGroups()) }

func (s *server) listGroups() api.Groups {
	reply := api.Groups{Schema: api.Schema, Groups: []api.Group{}}
	groups := s.Library.Groups()
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		reply.Groups = append(reply.Groups, api.Group{Name: name, Members: append([]tunnel.Name{}, groups[name]...)})
	}
	return reply
}

func (s *server) setGroup(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	body, err := readBody[api.Members](w, r, listBody)
	if err != nil {
		return err
	}
	if err := s.checkMembers(name, body.Members); err != nil {
		return err
	}
	if err := s.Library.SetGroup(name, body.Members); s.isConflict(err) {
		return refuse(api.Conflict, fmt.Sprintf("The name %q is taken.", name), "Choose another name for the group.")
	} else if err != nil {
		return err
	}
	s.tellEngine(r.Context(), "")
	return ok(w, s.listGroups())
}

func (s *server) checkMembers(group tunnel.Name, members []tunnel.Name) error {
	if len(members) == 0 || len(members) > maxMembers {
		return refuse(api.Invalid, fmt.Sprintf("A group has 1 to %d members.", maxMembers), "holdfast group set "+string(group)+" MEMBER…")
	}
	there := s.Library.Tunnels()
	seen := map[tunnel.Name]bool{}
	for _, m := range members {
		switch {
		case seen[m]:
			return refuse(api.Invalid, fmt.Sprintf("The member %q is there twice.", m), "")
		case !slices.Contains(there, m):
			return noTunnel(string(m))
		}
		seen[m] = true
	}
	return nil
}

func (s *server) removeGroup(w http.ResponseWriter, r *http.Request) error {
	name, err := nameInPath(r)
	if err != nil {
		return err
	}
	if err := readNothing(w, r); err != nil {
		return err
	}
	if st := s.Engine.Status(); st.Wish.On && st.Wish.Target == name {
		return busy(name)
	}
	if err := s.Library.RemoveGroup(name); s.isNotFound(err) {
		return refuse(api.NotFound, fmt.Sprintf("There is no group %q.", name), "See the names with: holdfast group list")
	} else if err != nil {
		return err
	}
	s.tellEngine(r.Context(), "")
	return done(w)
}
