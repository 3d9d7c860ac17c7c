package daemon

import (
	"context"
	"time"

	"holdfast/service/engine"
	"holdfast/service/event"
	"holdfast/service/status"
	"holdfast/store"
	"holdfast/web/api"
)

// journal hands the engine's samples to the store.
type journal struct{ *store.Store }

func (j journal) AddSample(s engine.Sample) {
	j.Store.AddSample(store.Sample{At: s.At, Tunnel: s.Tunnel, RxBytes: s.RxBytes, TxBytes: s.TxBytes,
		RTT: s.RTT, Verdict: s.Verdict, Overall: s.Overall})
}

// history answers the API from the store.
type history struct{ store *store.Store }

// Events asks for one more than wanted, to know whether there are further ones.
func (h history) Events(ctx context.Context, q api.EventQuery) (api.EventPage, error) {
	limit := q.Limit
	if limit == 0 {
		limit = 100
	}
	p, err := h.store.Events(ctx, store.EventQuery{After: q.After, Before: q.Before, Since: q.Since, Until: q.Until,
		Kinds: q.Kinds, Tunnel: q.Tunnel, Limit: limit, Descending: !q.Forwards()})
	return api.EventPage{Events: p.Events, More: p.Next != 0}, err
}

// mostSamples is how many points are served where the caller names no step.
const mostSamples = 1000

func (h history) Samples(ctx context.Context, q api.SampleQuery) (api.Samples, error) {
	until := q.Until
	if until.IsZero() {
		until = time.Now()
	}
	step := q.Step
	if step == 0 {
		step = max(time.Second, until.Sub(q.Since)/mostSamples).Round(time.Second)
	}
	samples, err := h.store.Samples(ctx, store.SampleQuery{Since: q.Since, Until: until, Step: step, Tunnel: q.Tunnel})
	out := api.Samples{Schema: api.Schema, StepMs: step.Milliseconds(), Samples: make([]api.Sample, 0, len(samples))}
	for _, s := range samples {
		out.StepMs = max(out.StepMs, s.Step.Milliseconds())
		a := api.Sample{At: s.At, Tunnel: s.Tunnel, RxBytes: s.RxBytes, TxBytes: s.TxBytes, Verdict: s.Verdict}
		if s.RTT > 0 {
			ms := float64(s.RTT) / float64(time.Millisecond)
			a.RTTMs = &ms
		}
		out.Samples = append(out.Samples, a)
	}
	return out, err
}

// Summary counts the events of a span, and sums up its samples, whose steps may
// begin a little before it.
func (h history) Summary(ctx context.Context, since, until time.Time) (api.Summary, error) {
	s, err := h.store.Summary(ctx, since, until)
	if err != nil {
		return api.Summary{}, err
	}
	out := api.Summary{Schema: api.Schema, Since: since, Until: until, Failovers: s.Failovers, Failbacks: s.Failbacks,
		Restarts: s.Restarts, Outages: s.Outages, DowntimeMs: s.Downtime.Milliseconds()}
	if since.IsZero() {
		since = time.Unix(0, 0) // a zero moment would be read as an hour ago
	}
	samples, err := h.store.Samples(ctx, store.SampleQuery{Since: since, Until: until})
	for _, sample := range samples {
		out.RxBytes += sample.RxBytes
		out.TxBytes += sample.TxBytes
	}
	return out, err
}

func (h history) Story(ctx context.Context, since, until time.Time) (status.Known, error) {
	return h.store.Story(ctx, since, until)
}

// mostNotices is how many notices are served.
const mostNotices = 200

func (h history) Notices(ctx context.Context, all bool) ([]event.Notice, error) {
	if all {
		return h.store.Notices(ctx, mostNotices)
	}
	return h.store.OpenNotices(ctx)
}
