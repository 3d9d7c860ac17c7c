// Package client talks to the service over its socket or pipe: one typed method
// per route of the API, and the stream of what changes.
//
// Before it sends a byte it makes sure that the other end belongs to root (or
// SYSTEM, or Administrators) or to the person themself, so that nobody else can
// pose as the service. It keeps no state but idle connections, retries nothing
// by itself except in Follow, and never writes to the terminal.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"holdfast/web/api"
)

var (
	// ErrUnreachable says that nobody listens on the socket, or that the
	// service went away while it was asked. It wraps the cause.
	ErrUnreachable = errors.New("the service cannot be reached")
	// ErrUntrusted says that somebody listens who is neither root (Windows:
	// SYSTEM or Administrators) nor the caller. Nothing has been sent.
	ErrUntrusted = errors.New("the socket does not belong to the service")
)

const (
	// dialTimeout is how long the service may take to accept a connection;
	// after it the service counts as unreachable.
	dialTimeout = 2 * time.Second
	// callTimeout bounds a call whose context has no deadline; after it the
	// call fails with context.DeadlineExceeded.
	callTimeout = 60 * time.Second
	// maxReply and maxError bound what is read of a reply, in bytes; a longer
	// one is an error.
	maxReply = 32 << 20
	maxError = 256 << 10
)

// Client talks to one service. It is safe for concurrent use.
type Client struct {
	socket   string
	language string // "": English
	http     *http.Client
}

// New makes a client of the service behind a socket or pipe. Nothing is dialled
// before the first call. Any path is accepted; a wrong one shows as ErrUnreachable.
func New(socket string) *Client {
	return &Client{socket: socket, http: &http.Client{
		Transport:     Transport(socket),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// In is a client over the same connections that is answered in a language, as
// HTTP names it ("de"), where the service has it: notices, sentences, diagnoses.
func (c *Client) In(language string) *Client {
	other := *c
	other.language = language
	return &other
}

// Transport carries requests to the service behind a socket or pipe, and to
// nobody else: whatever host a request names. It is for who forwards requests
// as they are; its errors wrap what Client tells as ErrUnreachable, or ErrUntrusted.
func Transport(socket string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dial(ctx, socket)
		},
		MaxIdleConns:       2,
		IdleConnTimeout:    30 * time.Second,
		DisableCompression: true,
	}
}

// Socket is the socket or pipe that New was given.
func (c *Client) Socket() string { return c.socket }

// Close lets go of idle connections. The client can be used afterwards.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// A request is one call. Path comes after the prefix, its parts escaped.
type request struct {
	method string
	path   string
	query  url.Values
	body   any    // nil: {} where the method has a body
	accept string // "": JSON
}

// call makes a request and decodes its reply into the value that into points
// to; nil: the reply is thrown away.
//
// Its errors, and so those of every method of Client: an *api.Error (also
// errors.Is api.ErrNotFound and its like), ErrUnreachable, ErrUntrusted, or the
// context's.
func (c *Client) call(ctx context.Context, r request, into any) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	reply, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer reply.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(reply, maxReply)).Decode(into); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// copyTo makes a request and copies its reply, whatever it is.
func (c *Client) copyTo(ctx context.Context, r request, w io.Writer) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	reply, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer reply.Close()
	n, err := io.Copy(w, &tellReads{r: io.LimitReader(reply, maxReply)})
	if err, failed := errors.AsType[*readError](err); failed {
		return c.broken(ctx, err.cause)
	}
	if err == nil && n == maxReply {
		return fmt.Errorf("read reply: longer than %d bytes", maxReply)
	}
	return err
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, callTimeout)
}

// send makes a request and returns the body of a reply that is a success. The
// caller closes it.
func (c *Client) send(ctx context.Context, r request) (io.ReadCloser, error) {
	u := url.URL{Scheme: "http", Host: api.Host, RawQuery: r.query.Encode()}
	var body io.Reader
	if r.method != http.MethodGet {
		if r.body == nil {
			r.body = struct{}{}
		}
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.URL.Path, req.URL.RawPath = unescaped(r.path), r.path
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	if c.language != "" {
		req.Header.Set("Accept-Language", c.language)
	}
	reply, err := c.http.Do(req)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if reply.StatusCode/100 == 2 {
		return reply.Body, nil
	}
	defer reply.Body.Close()
	refusal := &api.Error{}
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxError)).Decode(refusal); err != nil || refusal.Code == "" {
		refusal = &api.Error{Code: api.Internal, Message: "the service answered " + reply.Status}
	}
	return nil, refusal
}

// broken says what it means that a call ended without a reply.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, wrapped := errors.AsType[*url.Error](err); wrapped {
		err = e.Err
	}
	if errors.Is(err, ErrUntrusted) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// unescaped is the path whose escaped form we built ourselves.
func unescaped(path string) string {
	p, err := url.PathUnescape(path)
	if err != nil {
		panic("a path built of escaped parts cannot be unescaped: " + path)
	}
	return p
}

// tellReads marks the errors of reading, to tell them from those of writing.
type tellReads struct{ r io.Reader }

type readError struct{ cause error }

func (e *readError) Error() string { return e.cause.Error() }

func (t *tellReads) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && err != io.EOF {
		err = &readError{err}
	}
	return n, err
}
