package daemon

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/tunnel"
	"holdfast/store"
	"holdfast/web"
	"holdfast/web/api"
	"holdfast/web/webtest"
)

// BenchmarkYear asks the API for what a page shows of a year with a million
// samples and ten thousand events, through its handlers and to the last byte.
func BenchmarkYear(b *testing.B) {
	s, now := year(b)
	deps := webtest.New().Deps()
	deps.History, deps.Log = history{s}, slog.New(slog.DiscardHandler)
	h := web.New(deps)
	for _, span := range []struct {
		name string
		long time.Duration
	}{{"24 h", 24 * time.Hour}, {"7 d", 7 * 24 * time.Hour}, {"30 d", 30 * 24 * time.Hour}, {"1 y", 365 * 24 * time.Hour}} {
		for _, route := range []string{"history/timeline", "samples"} {
			b.Run(route+" of "+span.name, func(b *testing.B) {
				q := url.Values{"since": {now.Add(-span.long).Format(time.RFC3339)}, "until": {now.Format(time.RFC3339)}}
				for b.Loop() {
					r := httptest.NewRequest(http.MethodGet, "http://"+api.Host+api.Prefix+"/"+route+"?"+q.Encode(), nil)
					r = r.WithContext(web.WithCaller(r.Context(), web.Caller{Role: web.Operator}))
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if n, err := io.Copy(io.Discard, w.Body); w.Code != http.StatusOK || n < 1000 || err != nil {
						b.Fatalf("got %d with %d bytes, %v", w.Code, n, err)
					}
				}
			})
		}
	}
}

// year fills a history with what a busy year leaves. It ends now.
func year(b *testing.B) (*store.Store, time.Time) {
	const samples, outages = 1_000_000, 3333
	end := time.Now().UTC().Truncate(time.Second)
	now := end.Add(-365 * 24 * time.Hour)
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return end }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	flush := func() {
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	id := int64(0)
	tell := func(at time.Time, from, to string, downtime int64) {
		id++
		s.Append([]event.Event{{ID: id, At: at, Kind: event.VerdictChanged, Tunnel: "nl", From: from, To: to, Cause: tunnel.Unanswered,
			Evidence: "12 packets went out, none came back", DowntimeMs: downtime}})
	}
	step := end.Sub(now) * 4 / 3 / samples
	for i := range samples {
		// Three quarters spread over the year, the rest in its last three days.
		if i == samples*3/4 {
			now, step = end.Add(-samples/4*time.Second), time.Second
		}
		now = now.Add(step)
		s.AddSample(store.Sample{At: now, Tunnel: "nl", RxBytes: rand.Uint64N(1e6), TxBytes: 1, RTT: 20 * time.Millisecond, Verdict: health.Healthy})
		if i%(samples/outages) == 0 {
			tell(now, "healthy", "suspect", 0)
			tell(now.Add(2*time.Second), "suspect", "unhealthy", 0)
			tell(now.Add(5*time.Second), "unhealthy", "healthy", 5000)
		}
		if i%5000 == 0 {
			flush()
		}
	}
	flush()
	return s, end
}
