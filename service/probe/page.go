package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxHead and maxBody bound what is read of a page, in bytes. A longer head
	// is a failure, a longer body is not read on.
	maxHead = 8 << 10
	maxBody = 1 << 10
	// maxInterim is the number of answers before the answer (1xx) that are passed over.
	maxInterim = 4
)

// userAgent is the same everywhere: the word by which pages know a browser,
// for sign-in pages that answer nobody else.
const userAgent = "Mozilla/5.0"

// kind is what a page turned out to be.
type kind int

const (
	noPage      kind = 0 // no answer
	openPage    kind = 1 // it answered with nothing, as it should
	strangePage kind = 2 // somebody else answered in its place
	oddPage     kind = 3 // it failed by itself, or somebody else answered in its place
)

// verdict is what one asking of a page gave.
type verdict struct {
	page      string
	kind      kind
	err       error // with noPage and oddPage; nil with noPage: it has no address of the family
	ahead     time.Duration
	timeKnown bool
}

// askPage asks one page in one family.
func (o *Outside) askPage(ctx context.Context, u *url.URL, family string) verdict {
	to, err := o.pageAddr(ctx, u, family)
	if err != nil || !to.IsValid() {
		return verdict{err: err}
	}
	c, release, err := o.dial(ctx, "tcp"+family, to)
	if err != nil {
		return verdict{err: err}
	}
	defer release()
	v := get(c, u)
	if v.kind == noPage && ctx.Err() != nil {
		v.err = fmt.Errorf("%s: no answer", hostPort(to))
	}
	return v
}

// get asks for a page over a connection and judges the answer. It is done by
// hand, for then nothing is followed, kept, unpacked or read beyond the limits.
func get(c net.Conn, u *url.URL) verdict {
	req := &http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: http.Header{"User-Agent": {userAgent}, "Accept": {"*/*"}, "Cache-Control": {"no-cache"}},
	}
	asked := time.Now()
	if err := req.Write(c); err != nil {
		return verdict{err: err}
	}
	limit := &io.LimitedReader{R: c, N: maxHead}
	r := bufio.NewReaderSize(limit, 1<<10)
	resp, err := http.ReadResponse(r, req)
	for range maxInterim {
		if err == nil && resp.StatusCode < 200 {
			resp, err = http.ReadResponse(r, req)
		}
	}
	took := time.Since(asked)
	if err != nil {
		if limit.N <= 0 {
			err = fmt.Errorf("the answer's head is longer than %d bytes", maxHead)
		}
		return verdict{err: err}
	}
	v := judgePage(u, resp, r, limit)
	if v.kind == openPage {
		v.ahead, v.timeKnown = clockAhead(resp.Header, took, time.Now())
	}
	return v
}

// judgePage judges an answer whose head has been read.
func judgePage(u *url.URL, resp *http.Response, rest *bufio.Reader, limit *io.LimitedReader) verdict {
	odd := verdict{kind: oddPage, err: fmt.Errorf("the page answered with status %d", resp.StatusCode)}
	switch code := resp.StatusCode; {
	case code == http.StatusNoContent:
		if length := resp.Header.Get("Content-Length"); length != "" && length != "0" || rest.Buffered() > 0 {
			return verdict{kind: strangePage}
		}
		return verdict{kind: openPage}
	case code == http.StatusNetworkAuthenticationRequired:
		return verdict{kind: strangePage}
	case code >= 300 && code < 400:
		if isUpgrade(u, resp) {
			return odd
		}
		return verdict{kind: strangePage}
	case code >= 200 && code < 300:
		limit.N = maxBody
		// Nobody can sign in to an empty page: a proxy that rewrites 204 makes one.
		if n, _ := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); n == 0 {
			return odd
		}
		return verdict{kind: strangePage}
	default:
		return odd
	}
}

// isUpgrade says that a page only leads to its own secure form, as the page
// itself may.
func isUpgrade(u *url.URL, resp *http.Response) bool {
	to, err := resp.Location()
	return err == nil && to.Scheme == "https" && strings.EqualFold(to.Hostname(), u.Hostname())
}

// clockAhead compares this computer's clock with a page's Date, which was
// written about half way between asking and now and has no fractions. What a
// cache on the way had kept says nothing of the time.
func clockAhead(head http.Header, took time.Duration, now time.Time) (time.Duration, bool) {
	at, err := http.ParseTime(head.Get("Date"))
	if age := head.Get("Age"); err != nil || age != "" && age != "0" {
		return 0, false
	}
	at = at.Add(time.Second / 2)
	return now.Round(0).Add(-took / 2).Sub(at), true
}
