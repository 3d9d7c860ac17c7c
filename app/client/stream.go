package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/service/event"
	"holdfast/web/api"
)

// Kinds of Message.
const (
	// Snapshot is the first message of a stream: Status is set.
	Snapshot = "snapshot"
	// StatusChanged brings a later Status.
	StatusChanged = "status"
	// Happened brings an Event.
	Happened = "event"
	// Measured brings Figures, once a second, to who asked for them (WithFigures).
	Measured = "figures"
	// Gap says that events were lost between where the stream resumed and the
	// next event; History may have them.
	Gap = "gap"
)

// Message is one message of the stream.
type Message struct {
	Kind string
	// ID is the ID of the latest event up to this message: where to resume.
	ID     int64
	Status *api.Status  // Snapshot and StatusChanged
	Event  *event.Event // Happened
	// Sentence tells Event in one line, in the language of the Client.
	Sentence string
	Figures  *api.Figures // Measured
}

// A StreamOption says what else a stream is to tell.
type StreamOption func(url.Values)

// WithFigures has a stream tell the figures of the active tunnel once a second.
// The service reads them as long as somebody listens, and not otherwise.
func WithFigures() StreamOption {
	return func(v url.Values) { v.Set("figures", "true") }
}

const (
	// silence is how long a stream may say nothing at all, three heartbeats;
	// after it the service counts as unreachable.
	silence = 45 * time.Second
	// maxLine bounds one line of a stream, in bytes.
	maxLine = 1 << 20
	// firstPause doubles up to lastPause between attempts of Follow to resume.
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Stream yields what happens, beginning with a Snapshot, over one connection.
// After is the ID of the last event that is known: those after it are told.
// 0: only those that happen from now on. It ends with an error, or when the
// loop is left; with the context's error when that ended it.
func (c *Client) Stream(ctx context.Context, after int64, options ...StreamOption) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		query := url.Values{}
		setID(query, "after", after)
		for _, o := range options {
			o(query)
		}
		r := request{method: http.MethodGet, path: at("stream"), query: query, accept: "text/event-stream"}
		last := after
		for f, err := range c.frames(ctx, r) {
			if err != nil {
				yield(Message{}, err)
				return
			}
			if f.id != 0 {
				last = f.id
			}
			m, err := f.message(last)
			if err != nil {
				yield(Message{}, err)
				return
			}
			if m.Kind != "" && !yield(m, nil) {
				return
			}
		}
	}
}

// Follow is Stream that resumes where it was cut off, as long as the context
// lasts. It gives up only where asking again cannot help: a refusal (*api.Error
// other than api.ErrUnavailable) or ErrUntrusted. The error of each attempt
// that failed is yielded, so that it can be shown; leave the loop to stop.
func (c *Client) Follow(ctx context.Context, after int64, options ...StreamOption) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for pause := firstPause; ; pause = min(2*pause, lastPause) {
			for m, err := range c.Stream(ctx, after, options...) {
				if !yield(m, err) || err != nil && final(ctx, err) {
					return
				}
				if err == nil {
					after, pause = max(after, m.ID), firstPause
				}
			}
			select {
			case <-ctx.Done():
				yield(Message{}, context.Cause(ctx))
				return
			case <-time.After(pause):
			}
		}
	}
}

// final says that asking again cannot help.
func final(ctx context.Context, err error) bool {
	if _, refused := errors.AsType[*api.Error](err); refused {
		return !errors.Is(err, api.ErrUnavailable)
	}
	return ctx.Err() != nil || errors.Is(err, ErrUntrusted)
}

// FollowLogs yields the last n lines of the service's log and then each new one.
func (c *Client) FollowLogs(ctx context.Context, n int) iter.Seq2[api.LogLine, error] {
	return func(yield func(api.LogLine, error) bool) {
		query := logQuery(n)
		query.Set("follow", "true")
		r := request{method: http.MethodGet, path: at("logs"), query: query, accept: "text/event-stream"}
		for f, err := range c.frames(ctx, r) {
			var line api.LogLine
			if err == nil {
				err = f.decode(&line)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// frame is one server-sent event.
type frame struct {
	kind string
	id   int64
	data string
}

func (f frame) decode(into any) error {
	if err := json.Unmarshal([]byte(f.data), into); err != nil {
		return fmt.Errorf("decode %s message: %w", f.kind, err)
	}
	return nil
}

// message turns a frame into a Message; one of a kind that is not known, which
// a newer service may send, gives the zero Message.
func (f frame) message(last int64) (Message, error) {
	m := Message{Kind: f.kind, ID: last}
	switch f.kind {
	case Snapshot, StatusChanged:
		m.Status = &api.Status{}
		if err := f.decode(m.Status); err != nil {
			return Message{}, err
		}
		fill(m.Status)
	case Happened:
		var e api.Event
		if err := f.decode(&e); err != nil {
			return Message{}, err
		}
		m.Event, m.Sentence = &e.Event, e.Sentence
	case Measured:
		m.Figures = &api.Figures{}
		if err := f.decode(m.Figures); err != nil {
			return Message{}, err
		}
	case Gap:
	default:
		return Message{}, nil
	}
	return m, nil
}

// frames reads a stream frame by frame. It ends with an error, always.
func (c *Client) frames(ctx context.Context, r request) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		quiet := fmt.Errorf("%w: the stream fell silent", ErrUnreachable)
		watchdog := time.AfterFunc(silence, func() { cancel(quiet) })
		defer watchdog.Stop()

		body, err := c.send(ctx, r)
		if err != nil {
			yield(frame{}, err)
			return
		}
		defer body.Close()
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, maxLine)
		var f frame
		for lines.Scan() {
			watchdog.Reset(silence)
			line := lines.Text()
			if line != "" {
				f.add(line)
				continue
			}
			if f.data != "" && !yield(f, nil) {
				return
			}
			f = frame{}
		}
		err = lines.Err()
		if err == nil {
			err = io.EOF
		}
		yield(frame{}, c.broken(ctx, err))
	}
}

// add takes one line of a frame. Unknown fields and comments are skipped.
func (f *frame) add(line string) {
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		f.kind = value
	case "data":
		if f.data != "" {
			f.data += "\n"
		}
		f.data += value
	case "id":
		if id, err := strconv.ParseInt(value, 10, 64); err == nil {
			f.id = id
		}
	}
}
