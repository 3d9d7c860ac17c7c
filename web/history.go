package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"holdfast/service/event"
	"holdfast/web/api"
)

const (
	defaultPage = 100
	// maxRows bounds a table of events for which no limit was given.
	maxRows = 100_000
	// maxKinds is how many kinds of event a query may name: more than there are.
	maxKinds = 100
	// minStep is the shortest distance between two samples.
	minStep = time.Second
	// maxSamples is how many samples a request may ask for.
	maxSamples = 10_000
	csvContent = "text/csv"
)

func (s *server) history(w http.ResponseWriter, r *http.Request) error {
	q, err := parseEventQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if wants(r, "csv", csvContent) {
		return s.historyCSV(w, r, q)
	}
	page, err := s.History.Events(r.Context(), q)
	if err != nil {
		return err
	}
	reply := api.History{Schema: api.Schema, Events: wordEvents(speak(w, r), page.Events)}
	if page.More && len(page.Events) > 0 {
		reply.Next = cursorAfter(q, page)
	}
	return ok(w, reply)
}

// cursorAfter names the page that follows: the direction and the last ID.
func cursorAfter(q api.EventQuery, page api.EventPage) string {
	id := strconv.FormatInt(page.Events[len(page.Events)-1].ID, 10)
	if q.Forwards() {
		return "a" + id
	}
	return "b" + id
}

// historyCSV writes one page where a limit was given, else everything.
func (s *server) historyCSV(w http.ResponseWriter, r *http.Request, q api.EventQuery) error {
	all := !r.URL.Query().Has("limit")
	if all {
		q.Limit = api.MaxPage
	}
	page, err := s.History.Events(r.Context(), q)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", csvContent+"; charset=utf-8")
	table := csv.NewWriter(w)
	_ = table.Write([]string{"id", "at", "kind", "tunnel", "from", "to", "cause", "evidence", "downtimeMs"})
	for rows := 0; ; {
		for _, e := range page.Events {
			_ = table.Write(csvRow(e))
		}
		rows += len(page.Events)
		if !all || !page.More || len(page.Events) == 0 || rows >= maxRows {
			break
		}
		last := page.Events[len(page.Events)-1].ID
		if q.Forwards() {
			q.After = last
		} else {
			q.Before = last
		}
		if page, err = s.History.Events(r.Context(), q); err != nil {
			// The table has begun: a reader must not take half of it for all.
			s.Log.Error("history ended early", "err", err)
			panic(http.ErrAbortHandler)
		}
	}
	table.Flush()
	return nil
}

func csvRow(e event.Event) []string {
	row := []string{
		strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339Nano), string(e.Kind), string(e.Tunnel),
		e.From, e.To, string(e.Cause), e.Evidence, strconv.FormatInt(e.DowntimeMs, 10),
	}
	for i, cell := range row {
		// A spreadsheet would take these for a formula.
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
			row[i] = "'" + cell
		}
	}
	return row
}

// parseEventQuery reads the query of a request. Nothing it does not know is
// overlooked.
func parseEventQuery(v url.Values) (api.EventQuery, error) {
	p := params{values: v}
	p.only("after", "before", "cursor", "since", "until", "kind", "tunnel", "limit", "format")
	q := api.EventQuery{
		After: p.number("after", 0, 0, maxID), Before: p.number("before", 0, 0, maxID),
		OldestFirst: v.Get("after") != "", Since: p.time("since"), Until: p.time("until"),
		Tunnel: p.name("tunnel"), Limit: int(p.number("limit", defaultPage, 1, api.MaxPage)),
	}
	if len(v["kind"]) > maxKinds {
		p.bad("kind", fmt.Sprintf("there %d times at most", maxKinds))
	}
	for _, k := range v["kind"] {
		q.Kinds = append(q.Kinds, event.Kind(k))
	}
	if c := v.Get("cursor"); c != "" {
		id, err := strconv.ParseInt(c[1:], 10, 64)
		switch {
		case err != nil || id <= 0 || v.Get("after") != "" || q.Before != 0:
			p.bad("cursor", "the next of the page before, and no after or before")
		case c[0] == 'a':
			q.After = id
		case c[0] == 'b':
			q.Before = id
		default:
			p.bad("cursor", "the next of the page before")
		}
	}
	if q.Forwards() && q.Before != 0 {
		p.bad("before", "without after")
	}
	return q, p.err
}

func (s *server) summary(w http.ResponseWriter, r *http.Request) error {
	p := params{values: r.URL.Query()}
	p.only("since", "until")
	since, until := p.time("since"), p.time("until")
	if p.err != nil {
		return p.err
	}
	if until.IsZero() {
		until = time.Now().UTC()
	}
	sum, err := s.History.Summary(r.Context(), since, until)
	if err != nil {
		return err
	}
	sum.Schema = api.Schema
	return ok(w, sum)
}

func (s *server) samples(w http.ResponseWriter, r *http.Request) error {
	p := params{values: r.URL.Query()}
	p.only("since", "until", "step", "tunnel")
	q := api.SampleQuery{Since: p.time("since"), Until: p.time("until"), Step: p.duration("step"), Tunnel: p.name("tunnel")}
	switch {
	case q.Until.IsZero():
		q.Until = time.Now().UTC()
	case !q.Until.After(q.Since):
		p.bad("until", "a moment after since")
	}
	span := q.Until.Sub(q.Since)
	switch {
	case q.Since.IsZero():
		p.bad("since", "a moment, as 2026-01-02T15:04:05Z")
	case q.Step == 0:
		q.Step = max(minStep, (span/1000 + minStep - 1).Truncate(minStep))
	case q.Step < minStep || span/q.Step > maxSamples:
		p.bad("step", fmt.Sprintf("%s or more, and at most %d steps", minStep, maxSamples))
	}
	if p.err != nil {
		return p.err
	}
	reply, err := s.History.Samples(r.Context(), q)
	if err != nil {
		return err
	}
	reply.Schema = api.Schema
	reply.Samples = append([]api.Sample{}, reply.Samples...)
	return ok(w, reply)
}

func (s *server) notices(w http.ResponseWriter, r *http.Request) error {
	p := params{values: r.URL.Query()}
	p.only("all")
	all := p.yes("all")
	if p.err != nil {
		return p.err
	}
	notices, err := s.History.Notices(r.Context(), all)
	if err != nil {
		return err
	}
	return ok(w, api.Notices{Schema: api.Schema, Notices: wordNotices(speak(w, r), notices)})
}

func (s *server) ackNotice(w http.ResponseWriter, r *http.Request) error {
	text := chi.URLParam(r, "id")
	id, err := strconv.ParseInt(text, 10, 64)
	missing := refuse(api.NotFound, fmt.Sprintf("There is no open notice %q.", text), "See them with: holdfast notices")
	if err != nil || id <= 0 {
		return missing
	}
	if err := readNothing(w, r); err != nil {
		return err
	}
	visitOf(r).object = strconv.FormatInt(id, 10)
	if err := s.Engine.Ack(r.Context(), id); s.isNotFound(err) {
		return missing
	} else if err != nil {
		return err
	}
	return done(w)
}
