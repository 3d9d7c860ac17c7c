package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"holdfast/service/event"
	"holdfast/web/api"
)

const sseContent = "text/event-stream"

// maxResume is how many events a stream asks of the store to resume; where
// more were missed it says so with a gap.
const maxResume = 10_000

// waits are how long the API waits for its callers.
type waits struct {
	// body is how long the body of a request may take to arrive; after it the
	// request is refused and the connection closed.
	body time.Duration
	// heartbeat is how often a stream says something. With each the caller's
	// role is looked at again.
	heartbeat time.Duration
	// write is how long one message may wait for its reader; after it the
	// stream ends.
	write time.Duration
}

var defaultWaits = waits{body: 15 * time.Second, heartbeat: 15 * time.Second, write: 10 * time.Second}

// sse is one stream of server-sent events. After an error it sends nothing.
type sse struct {
	server  *server
	request *http.Request
	w       http.ResponseWriter
	control *http.ResponseController
	beat    *time.Ticker
	left    <-chan struct{} // closed when the caller has left
	err     error
}

// openStream begins a stream, or says why there cannot be one more.
func (s *server) openStream(w http.ResponseWriter, r *http.Request) (*sse, error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, refuse(api.Unavailable, "Too many streams are open.", "Close a page or a command that follows.")
	}
	w.Header().Set("Content-Type", sseContent)
	w.Header().Set("Connection", "close") // it has had its use when the stream ends
	w.WriteHeader(http.StatusOK)
	out := &sse{
		server: s, request: r, w: w, control: http.NewResponseController(w),
		beat: time.NewTicker(s.waits.heartbeat), left: r.Context().Done(),
	}
	out.write("retry: 1000\n\n")
	return out, nil
}

func (o *sse) close() {
	o.beat.Stop()
	<-o.server.streams
}

func (o *sse) write(text string) { o.writeAll(text) }

// writeAll writes parts as one message.
func (o *sse) writeAll(parts ...string) {
	if o.err != nil {
		return
	}
	if o.err = o.control.SetWriteDeadline(time.Now().Add(o.server.waits.write)); o.err != nil {
		return
	}
	for _, part := range parts {
		if _, o.err = io.WriteString(o.w, part); o.err != nil {
			return
		}
	}
	o.err = o.control.Flush()
}

// send sends one message; id 0: without one.
func (o *sse) send(kind string, id int64, v any) { o.sendText(kind, id, asText(v)) }

func (o *sse) sendText(kind string, id int64, data string) {
	line := ""
	if id > 0 {
		line = "id: " + strconv.FormatInt(id, 10) + "\n"
	}
	o.writeAll("event: ", kind, "\n", line, "data: ", data, "\n\n")
}

// asText writes a message as JSON.
func asText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("a message cannot be written as JSON: " + err.Error())
	}
	return string(data)
}

// echo keeps what was written last of something, for each language: hundreds of
// streams tell the same. The zero value is ready.
type echo[K comparable] struct {
	mu   sync.Mutex
	of   K
	text map[event.Language]string // nil: nothing was written
}

// write returns what put makes of the thing, made once.
func (c *echo[K]) write(of K, lang event.Language, put func() any) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.text == nil || c.of != of {
		c.of, c.text = of, map[event.Language]string{}
	}
	text, made := c.text[lang]
	if !made {
		text = asText(put())
		c.text[lang] = text
	}
	return text
}

// heartbeat shows that the stream lives, and ends it where the caller may not
// have it any more.
func (o *sse) heartbeat() {
	if callerOf(o.request.Context()).Role < Operator {
		o.err = api.ErrNotPermitted
		return
	}
	o.write(": still here\n\n")
}

// stream tells what changes: a snapshot first, then pictures and events as they
// come. A message's id is that of the last event it includes, so that a reader
// who was cut off resumes without losing or repeating one.
func (s *server) stream(w http.ResponseWriter, r *http.Request) error {
	after, resumes, wantsFigures, err := streamQuery(r)
	if err != nil {
		return err
	}
	pictures, unsubscribe := s.Engine.Subscribe()
	defer unsubscribe()
	snapshot := s.Engine.Status()
	latest := max(snapshot.EventID, s.Events.LastEventID())
	if !resumes || after > latest {
		// An ID that was never given is from another database.
		after = snapshot.EventID
	}
	backlog, events, cancel := s.Events.SubscribeEvents(after)
	defer cancel()
	missed, err := s.missed(r.Context(), after, backlog, latest)
	if err != nil {
		return err
	}

	lang := speak(w, r)
	out, err := s.openStream(w, r)
	if err != nil {
		return err
	}
	defer out.close()
	out.send("snapshot", after, wordStatus(lang, snapshot))
	var figures <-chan api.Figures // nil: not asked for
	if wantsFigures {
		out.send("figures", 0, figuresOf(snapshot))
		var leave func()
		figures, leave = s.pulse.listen()
		defer leave()
	}
	last := after
	for _, e := range append(missed, backlog...) {
		if e.ID > last+1 {
			out.send("gap", 0, gap{last + 1, e.ID - 1})
		}
		last = e.ID
		out.send("event", e.ID, wordEvent(lang, e))
	}
	for out.err == nil {
		select {
		case p := <-pictures:
			out.sendText("status", 0, s.pictures.write(p, lang, func() any { return wordStatus(lang, *p) }))
		case f := <-figures:
			out.send("figures", 0, f)
		case e, going := <-events:
			if !going {
				return nil // too slow: the reader comes back with its last ID
			}
			if e.ID > last {
				last = e.ID
				out.sendText("event", e.ID, s.happened.write(e, lang, func() any { return wordEvent(lang, e) }))
			}
		case <-out.beat.C:
			out.heartbeat()
		case <-out.left:
			return nil
		case <-s.Done:
			return nil
		}
	}
	return nil
}

// gap names events that cannot be told any more, both ends included.
type gap struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// streamQuery reads what a stream is to tell, and where it resumes: from the
// header that a browser's reader sends or from the query.
func streamQuery(r *http.Request) (after int64, resumes, figures bool, err error) {
	p := params{values: r.URL.Query()}
	p.only("after", "figures")
	figures = p.yes("figures")
	after = p.number("after", 0, 0, maxID)
	resumes = p.values.Has("after")
	if header := r.Header.Get("Last-Event-ID"); header != "" {
		if after, err = strconv.ParseInt(header, 10, 64); err != nil || after < 0 {
			p.bad("Last-Event-ID", "the id of a message")
		}
		resumes = true
	}
	return after, resumes, figures, p.err
}

// missed asks the store for the events between after and the backlog. Events
// that are nowhere show as a gap in the IDs.
func (s *server) missed(ctx context.Context, after int64, backlog []event.Event, latest int64) ([]event.Event, error) {
	until := latest + 1
	if len(backlog) > 0 {
		until = backlog[0].ID
	}
	var found []event.Event
	for after+1 < until && len(found) < maxResume {
		page, err := s.History.Events(ctx, api.EventQuery{After: after, OldestFirst: true, Limit: api.MaxPage})
		if err != nil {
			return nil, fmt.Errorf("resume stream: %w", err)
		}
		for _, e := range page.Events {
			if e.ID >= until {
				return found, nil
			}
			found = append(found, e)
			after = e.ID
		}
		if !page.More || len(page.Events) == 0 {
			break
		}
	}
	return found, nil
}
