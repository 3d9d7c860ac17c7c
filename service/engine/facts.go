package engine

import (
	"time"

	"holdfast/service/diagnose"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// told is what the active device's counters say about its server, asked beside
// the session since it was last well.
func told(f Facts, c tunnel.Counters) diagnose.Answer {
	p, was := c.Path, f.Before.Path
	a := diagnose.Answer{
		Asked:    p.Asked.Sent > was.Asked.Sent || c.Initiations > f.Before.Initiations,
		Answered: recent(f, p.Asked.AnsweredAt) || recent(f, c.LastHandshake),
		RTT:      p.RTT,
		Ports:    1,
	}
	if a.Answered {
		a.Asked = true
		return a
	}
	a.Responses = int(p.BadResponses - min(was.BadResponses, p.BadResponses))
	a.Cookies = int(p.Cookies - min(was.Cookies, p.Cookies))
	if p.Refused > was.Refused {
		a.Forbidden = true
	} else if c.SendErrors > f.Before.SendErrors && c.TxBytes == f.Before.TxBytes {
		a.SendErr = "nothing has left this computer since"
	}
	return a
}

// recent says that something came in the silence that is judged, and that the
// tunnel has not proven dead after it. Without a silence all is recent.
func recent(f Facts, at time.Time) bool {
	return !at.IsZero() && (f.Judged.Since.IsZero() || at.After(f.Judged.Since)) && !at.Before(f.Judged.DeadAt)
}

// inside is what is known of the tunnel itself.
func inside(f Facts, c tunnel.Counters) diagnose.Inside {
	p, was := c.Path, f.Before.Path
	in := diagnose.Inside{
		Cause: f.Judged.Cause, Lossy: f.Judged.Lossy, Contrast: f.Contrast, MTU: f.MTU, Widest: f.Widest,
		Loss: p.Loss, LossOf: p.LossOf, RTT: p.RTT,
		Near: echo(f, p.Near, was.Near), Beyond: echo(f, p.Beyond, was.Beyond),
		LargeLost: p.LargeLost - min(was.LargeLost, p.LargeLost),
	}
	if f.Active != "" {
		in.Verdict = f.Judged.Verdict
	}
	if v := f.Judged.Verdict; v == health.Suspect || v == health.Unhealthy {
		in.Receiving = !f.Judged.Since.IsZero() && recent(f, c.LastReceived) || p.PeerInitiations > was.PeerInitiations
	}
	return in
}

// echo is what became of the echoes to some responders.
func echo(f Facts, now, was tunnel.Responders) diagnose.Echo {
	return diagnose.Echo{Known: now.Known, Asked: now.Sent > was.Sent, Answered: recent(f, now.AnsweredAt)}
}
