package daemon

import (
	"context"
	"strings"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/engine"
	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// Diagnose looks at everything around the active member now.
func (w wishes) Diagnose(ctx context.Context) (api.Diagnosis, error) {
	st := w.Status()
	e := w.d.hands.Examine(ctx, facts(st, w.d.library.Policy()))
	return diagnosis(st, e, time.Now()), nil
}

// facts are what the picture and the policy tell an examination that a person
// asked for.
func facts(st status.Status, p failover.Policy) engine.Facts {
	f := engine.Facts{
		Person: true, Underlay: failover.Underlay{Usable: st.Underlay == "ok"},
		ThirdParty: p.ThirdPartyChecks, Pages: strings.Fields(p.CheckPages),
	}
	if !f.Underlay.Usable {
		f.Underlay.Cause = tunnel.Cause(st.Underlay)
	}
	for _, m := range st.Members {
		f.Members = append(f.Members, m.Tunnel)
	}
	if st.Active != nil {
		f.Active, f.Judged.Verdict = st.Active.Tunnel, st.Active.Verdict
		if st.Active.Cause != nil {
			f.Judged.Cause = *st.Active.Cause
		}
	}
	return f
}

// diagnosis puts what was found in words.
func diagnosis(st status.Status, e diagnose.Evidence, now time.Time) api.Diagnosis {
	out := api.Diagnosis{Schema: api.Schema, At: now.UTC(), Verdict: health.Unknown, Others: []tunnel.Cause{}, Checks: []api.Finding{}}
	if st.Active != nil {
		out.Tunnel, out.Verdict = st.Active.Tunnel, st.Active.Verdict
	}
	f := diagnose.Judge(e)
	switch {
	case f.Cause == "" && !st.Wish.On:
		out.Title, out.Advice = "No tunnel is wanted, and nothing below it is wrong", "Connect, and ask again."
	case f.Cause == "":
		out.Title = "Nothing that was looked at is wrong"
	default:
		words := event.Describe(event.Code(f.Cause))
		out.Cause, out.Title, out.What, out.Advice = &f.Cause, words.Title, words.What, words.Advice
		out.Certain, out.Underlay, out.Evidence = f.Certain, f.Underlay, f.Evidence
		out.Others = append(out.Others, f.Others...)
	}
	for _, c := range diagnose.Checks(e) {
		out.Checks = append(out.Checks, api.Finding{Name: c.Name, Result: string(c.Result), Evidence: c.Evidence, TookMs: c.Took.Milliseconds()})
	}
	return out
}
