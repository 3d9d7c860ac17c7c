package probe

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Whatever comes back, asking ends, and only a status of 204 opens.
func FuzzPage(f *testing.F) {
	for _, text := range []string{
		"", "\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 204\r\n\r\n", "HTTP/1.1 204 x\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 302 x\r\nLocation: ://\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", strings.Repeat("HTTP/1.1 103 x\r\n\r\n", 9),
		"HTTP/1.1 204 x\r\nDate: Mon, 02 Jan 0001 15:04:05 GMT\r\n\r\n",
	} {
		f.Add(text)
	}
	u := &url.URL{Scheme: "http", Host: "198.51.100.1", Path: "/"}
	f.Fuzz(func(t *testing.T, text string) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			defer there.Close()
			if _, err := http.ReadRequest(bufio.NewReader(there)); err != nil {
				return
			}
			_, _ = there.Write([]byte(text))
		}()
		_ = here.SetDeadline(time.Now().Add(5 * time.Second))
		v := get(here, u)
		if v.kind == openPage && !strings.Contains(text, "204") {
			t.Errorf("%q: open", text)
		}
		if v.kind == noPage && v.err == nil {
			t.Errorf("%q: nothing, and no reason", text)
		}
		if v.timeKnown && v.kind != openPage {
			t.Errorf("%q: the time is known", text)
		}
	})
}

func TestClockAhead(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, date, age string
		took            time.Duration
		want            time.Duration
		known           bool
	}{
		{"right", "Fri, 20 Nov 2026 11:59:59 GMT", "", time.Second, 0, true},
		{"right, at once", "Fri, 20 Nov 2026 12:00:00 GMT", "", 0, -500 * time.Millisecond, true},
		{"a slow page", "Fri, 20 Nov 2026 11:59:58 GMT", "0", 3 * time.Second, 0, true},
		{"an hour ahead", "Fri, 20 Nov 2026 10:59:59 GMT", "", time.Second, time.Hour, true},
		{"ten years behind", "Mon, 20 Nov 2036 11:59:59 GMT", "", time.Second, -(10*365 + 3) * 24 * time.Hour, true},
		{"kept by a cache", "Fri, 20 Nov 2026 10:59:59 GMT", "3600", time.Second, 0, false},
		{"no date", "", "", 0, 0, false},
		{"no date at all", "yesterday", "", 0, 0, false},
	} {
		head := http.Header{}
		head.Set("Date", tt.date)
		if tt.age != "" {
			head.Set("Age", tt.age)
		}
		if got, known := clockAhead(head, tt.took, now); got != tt.want || known != tt.known {
			t.Errorf("%s: got %v %t, want %v %t", tt.name, got, known, tt.want, tt.known)
		}
	}
}
