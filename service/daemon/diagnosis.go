package daemon

import (
	"context"
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/event"
	"holdfast/service/health"
	"holdfast/service/status"
	"holdfast/service/tunnel"
	"holdfast/web/api"
)

// Diagnose looks at everything around the active member now.
func (w wishes) Diagnose(ctx context.Context, tell func(api.Finding)) (api.Diagnosis, error) {
	st := w.Status() // of the beginning: the tunnel may be left meanwhile
	f, err := w.Facts(ctx)
	if err != nil {
		return api.Diagnosis{}, err
	}
	f.Tell = func(c diagnose.Check) { tell(finding(c)) }
	e := w.d.hands.Examine(ctx, f)
	return diagnosis(st, e, time.Now()), nil
}

// diagnosis puts what was found in words.
func diagnosis(st status.Status, e diagnose.Evidence, now time.Time) api.Diagnosis {
	out := api.Diagnosis{Schema: api.Schema, At: now.UTC(), Verdict: health.Unknown, Others: []tunnel.Cause{}, Checks: []api.Finding{}}
	if st.Active != nil {
		out.Tunnel, out.Verdict = st.Active.Tunnel, st.Active.Verdict
	}
	f := diagnose.Judge(e)
	out.Code = found(f.Cause, st.Wish.On)
	words := event.Describe(out.Code)
	out.Title, out.What, out.Advice = words.Title, words.What, words.Advice
	if f.Cause != "" {
		out.Cause, out.Certain, out.Underlay, out.Evidence = &f.Cause, f.Certain, f.Underlay, f.Evidence
		out.Others = append(out.Others, f.Others...)
	}
	for _, c := range diagnose.Checks(e) {
		out.Checks = append(out.Checks, finding(c))
	}
	return out
}

func finding(c diagnose.Check) api.Finding {
	return api.Finding{Name: c.Name, Result: string(c.Result), Evidence: c.Evidence, TookMs: c.Took.Milliseconds()}
}

// found is what there are words for. A cause that keeps a tunnel at rest is put
// differently where no tunnel is wanted.
func found(c tunnel.Cause, wanted bool) event.Code {
	switch {
	case c == "" && wanted:
		return event.CodeNothingWrong
	case c == "":
		return event.CodeNothingWanted
	case c == tunnel.NoNetwork && !wanted:
		return event.CodeOffNoNetwork
	case c == tunnel.SignIn && !wanted:
		return event.CodeOffSignIn
	case c == tunnel.NoInternet && !wanted:
		return event.CodeOffNoInternet
	default:
		return event.Code(c)
	}
}
