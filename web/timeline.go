package web

import (
	"net/http"
	"time"

	"holdfast/service/status"
	"holdfast/web/api"
)

const (
	// timelineSpan is how far a timeline reaches back where no beginning is given.
	timelineSpan = 24 * time.Hour
	// defaultParts and maxParts bound the spans of a timeline.
	defaultParts, maxParts = 500, 2000
)

// timeline draws how things stood. It ends now at the latest: nothing is known
// of what comes.
func (s *server) timeline(w http.ResponseWriter, r *http.Request) error {
	p := params{values: r.URL.Query()}
	p.only("since", "until", "parts")
	since, until := p.time("since"), p.time("until")
	parts := int(p.number("parts", defaultParts, 1, maxParts))
	if now := time.Now().UTC(); until.IsZero() || until.After(now) {
		until = now
	}
	if since.IsZero() {
		since = until.Add(-timelineSpan)
	}
	if !until.After(since) {
		p.bad("since", "a moment before until, and before now")
	}
	if p.err != nil {
		return p.err
	}
	known, err := s.History.Story(r.Context(), since, until)
	if err != nil {
		return err
	}
	t := known.Timeline(since, until).Merge(parts)
	return ok(w, api.Timeline{
		Schema: api.Schema, Since: since, Until: until,
		Spans: append([]status.Span{}, t.Spans...), Switches: append([]status.Move{}, t.Moves...),
		WishedMs: t.Wished.Milliseconds(), UptimeMs: t.Uptime.Milliseconds(), OutageMs: t.Outage.Milliseconds(), Outages: t.Outages,
		LongestMs: t.Longest.Milliseconds(),
	})
}
