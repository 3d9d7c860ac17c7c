package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func (s *server) version(w http.ResponseWriter, _ *http.Request) error { return ok(w, s.Version) }

// me tells a caller what the service takes them for.
func (s *server) me(w http.ResponseWriter, r *http.Request) error {
	c := visitOf(r).caller
	return ok(w, api.Me{Schema: api.Schema, Role: c.Role.String(), User: c.User})
}

// status shows viewers the overall state and nothing that names anything.
func (s *server) status(w http.ResponseWriter, r *http.Request) error {
	st := s.Engine.Status()
	if visitOf(r).caller.Role < Operator {
		return ok(w, api.Overview{
			Schema: api.Schema, At: st.At, Overall: st.Overall,
			Wish: api.OverviewWish{On: st.Wish.On}, Limited: true,
		})
	}
	return ok(w, wordStatus(speak(w, r), st))
}

// wish serves a wish and replies with how things stand then. An administrator
// may wish as often as they like.
func (s *server) wish(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller := visitOf(r).caller
		if allowed, _ := s.wishes.take(caller.person(), time.Now()); !allowed && caller.Role < Admin {
			return refuse(api.Unavailable, "Too many wishes at once.", "Wait a few seconds.")
		}
		if err := h(w, r); err != nil {
			return err
		}
		return ok(w, wordStatus(speak(w, r), s.Engine.Status()))
	}
}

func (s *server) connect(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[api.Target](w, r, smallBody)
	if err != nil {
		return err
	}
	target := body.Target
	if target == "" {
		target = s.Engine.Status().Wish.Target
	}
	if target == "" {
		return refuse(api.Invalid, "No tunnel has been asked for before, so its name must be given.", "See the names with: holdfast tunnel list")
	}
	if _, err := parseName(target); err != nil {
		return err
	}
	visitOf(r).object = string(target)
	if err := s.Engine.Connect(r.Context(), target); s.isNotFound(err) {
		return refuse(api.NotFound, fmt.Sprintf("There is no tunnel or group %q.", target), "See the names with: holdfast tunnel list")
	} else if err != nil {
		return err
	}
	return nil
}

func (s *server) disconnect(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	return s.Engine.Disconnect(r.Context())
}

var errOff = refuse(api.Conflict, "No tunnel is wished for.", "Turn one on with: holdfast up NAME")

func (s *server) reconnect(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	if !s.Engine.Status().Wish.On {
		return errOff
	}
	return s.Engine.Reconnect(r.Context())
}

func (s *server) switchTo(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[api.Switch](w, r, smallBody)
	if err != nil {
		return err
	}
	name, err := parseName(body.Name)
	if err != nil {
		return err
	}
	visitOf(r).object = string(name)
	st := s.Engine.Status()
	if !st.Wish.On {
		return errOff
	}
	if !isMember(st, name) {
		return refuse(api.NotFound, fmt.Sprintf("%q is not a member of %q.", name, st.Wish.Target), "See the members with: holdfast status")
	}
	return s.Engine.SwitchTo(r.Context(), name)
}

func isMember(st status.Status, name tunnel.Name) bool {
	for _, m := range st.Members {
		if m.Tunnel == name {
			return true
		}
	}
	return false
}

// parseName checks a name that came in a body.
func parseName(name tunnel.Name) (tunnel.Name, error) {
	name, err := tunnel.ParseName(string(name))
	if err != nil {
		return "", refuse(api.Invalid, sentence(err.Error()), "")
	}
	return name, nil
}

// nameInPath is the name in a request's path. One that cannot be a name is
// nobody's.
func nameInPath(r *http.Request) (tunnel.Name, error) {
	text := chi.URLParam(r, "name")
	name, err := tunnel.ParseName(text)
	if err != nil {
		return "", noTunnel(text)
	}
	visitOf(r).object = string(name)
	return name, nil
}

func (s *server) isNotFound(err error) bool { return err != nil && s.codeOf(err) == api.NotFound }
func (s *server) isConflict(err error) bool { return err != nil && s.codeOf(err) == api.Conflict }

// sentence makes an error's text one that a person reads first.
func sentence(text string) string {
	if text == "" {
		return text
	}
	if first := text[0]; 'a' <= first && first <= 'z' {
		text = string(first-'a'+'A') + text[1:]
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		text += "."
	}
	return text
}
