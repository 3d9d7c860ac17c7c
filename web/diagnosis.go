package web

import (
	"net/http"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func (s *server) lastDiagnosis(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	d := s.diagnosis
	s.mu.Unlock()
	if d == nil {
		return refuse(api.NotFound, "There is no diagnosis yet.", "Make one with: holdfast diagnose")
	}
	return ok(w, wordDiagnosis(speak(w, r), *d))
}

// runDiagnosis looks now, one caller at a time: two at once would disturb each
// other's measurements.
func (s *server) runDiagnosis(w http.ResponseWriter, r *http.Request) error {
	if err := readNothing(w, r); err != nil {
		return err
	}
	if !s.diagnosing.TryLock() {
		return refuse(api.Conflict, "A diagnosis is being made already.", "Try again in half a minute.")
	}
	defer s.diagnosing.Unlock()
	d, err := s.Engine.Diagnose(r.Context())
	if err != nil {
		return err
	}
	d.Schema = api.Schema
	d.Checks = append([]api.Finding{}, d.Checks...)
	d.Others = append([]tunnel.Cause{}, d.Others...)
	s.mu.Lock()
	s.diagnosis = &d
	s.mu.Unlock()
	return ok(w, wordDiagnosis(speak(w, r), d))
}
