package web

import (
	"context"
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
	if wants(r, "", sseContent) {
		return s.showDiagnosis(w, r)
	}
	defer s.diagnosing.Unlock()
	d, err := s.diagnose(r.Context(), func(api.Finding) {})
	if err != nil {
		return err
	}
	return ok(w, wordDiagnosis(speak(w, r), d))
}

// diagnose looks, and keeps what was found.
func (s *server) diagnose(ctx context.Context, tell func(api.Finding)) (api.Diagnosis, error) {
	d, err := s.Engine.Diagnose(ctx, tell)
	if err != nil {
		return d, err
	}
	d.Schema = api.Schema
	d.Checks = append([]api.Finding{}, d.Checks...)
	d.Others = append([]tunnel.Cause{}, d.Others...)
	s.mu.Lock()
	s.diagnosis = &d
	s.mu.Unlock()
	return d, nil
}

// maxFindings is how many messages may wait for a slow reader of a diagnosis.
// What is more is left out: the diagnosis itself has all.
const maxFindings = 1024

// showDiagnosis tells each check as it begins and as it ends, and then the whole.
// diagnosing is held; it is given up before the last word, so that whoever reads
// that may ask again.
func (s *server) showDiagnosis(w http.ResponseWriter, r *http.Request) error {
	lang := speak(w, r)
	out, err := s.openStream(w, r)
	if err != nil {
		s.diagnosing.Unlock()
		return err
	}
	defer out.close()
	findings := make(chan api.Finding, maxFindings)
	var d api.Diagnosis
	go func() { // ends soon after the caller has left
		defer close(findings)
		defer s.diagnosing.Unlock()
		d, err = s.diagnose(r.Context(), func(f api.Finding) {
			select {
			case findings <- f:
			default:
			}
		})
	}()
	for f := range findings {
		out.send("check", 0, f)
	}
	if err != nil {
		e := s.word(r, err)
		visitOf(r).code = e.Code
		out.send("error", 0, e)
		return nil
	}
	out.send("diagnosis", 0, wordDiagnosis(lang, d))
	return nil
}
