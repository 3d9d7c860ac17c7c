package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"holdfast/service/failover"
	"holdfast/web/api"
)

// forAdmins are the settings that decide what may leave the computer outside the
// tunnel unprotected, and which addresses the service asks by itself.
var forAdmins = map[string]bool{"guard": true, "allow_lan": true, "check_pages": true}

func (s *server) settings(w http.ResponseWriter, _ *http.Request) error {
	return ok(w, listSettings(s.Library.Policy()))
}

func listSettings(p failover.Policy) api.Settings {
	reply := api.Settings{Schema: api.Schema, Settings: []api.Setting{}}
	for _, one := range failover.Settings() {
		reply.Settings = append(reply.Settings, api.Setting{
			Key: one.Key, Value: one.Get(&p), Default: one.Default, Unit: one.Unit,
			Min: one.Min, Max: one.Max, Choices: append([]string{}, one.Choices...), Help: one.Help,
			Admin: forAdmins[one.Key],
		})
	}
	return reply
}

func (s *server) setSettings(w http.ResponseWriter, r *http.Request) error {
	set, err := readBody[map[string]string](w, r, listBody)
	if err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(set))
	if len(keys) == 0 {
		return refuse(api.Invalid, "No setting was given.", "holdfast settings set KEY=VALUE")
	}
	if err := checkSettings(set, keys, s.Library.Policy()); err != nil {
		return err
	}
	visitOf(r).object = keys[0]
	for _, key := range keys {
		if caller := visitOf(r).caller; forAdmins[key] && caller.Role < Admin {
			return s.denied(caller, Admin)
		}
	}
	p, err := s.Library.SetSettings(set)
	if err != nil {
		return err
	}
	s.tellEngine(r.Context(), "")
	if slices.ContainsFunc(keys, func(key string) bool { return key == "guard" || key == "allow_lan" }) {
		s.awaitGuard(r.Context())
	}
	return ok(w, listSettings(p))
}

// checkSettings says what is wrong with settings, trying them on a copy of the
// policy.
func checkSettings(set map[string]string, keys []string, p failover.Policy) error {
	for _, key := range keys {
		one, known := failover.Lookup(key)
		if !known {
			return refuse(api.Invalid, fmt.Sprintf("There is no setting %q.", key), "See them with: holdfast settings get")
		}
		if err := one.Set(&p, set[key]); err != nil {
			return refuse(api.Invalid, sentence(err.Error()), one.Help)
		}
	}
	return nil
}
