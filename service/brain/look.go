package brain

import (
	"time"

	"holdfast/service/event"
	"holdfast/service/failover"
	"holdfast/service/health"
	"holdfast/service/tunnel"
)

// Look takes one reading of the active device's counters. While something
// flows it wants the next within SampleEvery; when nothing does it stops, and
// the device's next packet must call it again.
func (b *Brain) Look(now time.Time, c tunnel.Counters) Output {
	o := Output{}
	if !b.watches() {
		b.lookAt = time.Time{}
		return o
	}
	b.meter.take(now, c)
	if b.confirms() || b.judged.Next.IsZero() || !now.Before(b.judged.Next) || !isWell(b.judged.Verdict) {
		b.judge(&o, now, c)
	}
	b.quiet(&o, now)
	b.again(now)
	b.wonder(&o, now)
	return o
}

// watches says that there is a device to be judged: one that is up, and wished for.
func (b *Brain) watches() bool {
	view := b.machine.View()
	return view.On && view.State == tunnel.Up
}

// Blind says that the counters could not be read: there is nothing to look at
// until a device is active again.
func (b *Brain) Blind() { b.lookAt = time.Time{} }

// judge asks the monitor, and tells the machine what changed.
func (b *Brain) judge(o *Output, now time.Time, c tunnel.Counters) {
	b.seen = c
	b.judged = b.monitor.Observe(now, c)
	b.episode.take(now, c, b.judged)
	if v := b.judged.Verdict; v == health.Suspect || v == health.Unhealthy {
		b.doubt.begin(now)
	}
	b.tell(o, now)
	if !b.watches() {
		return // that ended it
	}
	if b.link.Usable {
		o.Ask = b.judged.Ask
	}
	if b.judged.Verdict == health.Healthy {
		b.reassure(o, now)
	}
	// While the network below is at fault nothing is said of the line.
	if lossy := b.judged.Lossy && b.underlay().Usable; lossy != b.lossy {
		b.lossy = lossy
		b.tellLossy(o, now)
	}
}

// tell tells the machine the verdict where it is not what it was told last. A
// cause that an examination found stands in place of one that says less.
func (b *Brain) tell(o *Output, now time.Time) {
	in := failover.Judged{ID: b.machine.View().Active, Verdict: b.judged.Verdict, Cause: b.judged.Cause,
		Since: b.judged.Since, DeadAt: b.judged.DeadAt}
	if in.Cause != "" && b.doubt.found != "" && vague(in.Cause) {
		in.Cause = b.doubt.found
	}
	news := in.Verdict != b.told.Verdict || in.Cause != b.told.Cause ||
		in.Verdict == health.Unhealthy && in.DeadAt.After(b.told.DeadAt)
	if !news {
		return
	}
	b.told = in
	if !isWell(in.Verdict) && in.Verdict != health.Unknown {
		in.Evidence = b.episode.evidence(now, b.seen, b.judged)
		if b.doubt.found == in.Cause && b.doubt.evidence != "" {
			in.Evidence += " " + b.doubt.evidence
		}
	}
	b.step(o, now, in)
}

// vague says that a cause only tells that nothing comes back.
func vague(c tunnel.Cause) bool {
	return c == tunnel.Unanswered || c == tunnel.HandshakeTimeout || c == tunnel.KeyOrServer
}

// reassure ends a doubt: the tunnel works, and so does what is below it.
func (b *Brain) reassure(o *Output, now time.Time) {
	b.doubt.end()
	if !b.acquainted {
		b.acquainted, o.Acquaint = true, true
	}
	b.clear(o, now)
}

// contrast takes the news that another member reached what the active one does
// not.
func (b *Brain) contrast(now time.Time) {
	if b.judged.Verdict == health.Suspect && b.judged.Cause == tunnel.ForwardsNothing {
		b.monitor.Contrast(now)
		b.lookNow(now)
	}
}

// tellLossy opens or clears the notice that the line loses packets.
func (b *Brain) tellLossy(o *Output, now time.Time) {
	e := event.Event{At: now.UTC(), Kind: event.NoticeCleared, Tunnel: b.machine.View().Active, From: string(tunnel.Lossy)}
	if b.lossy {
		e = event.Event{At: now.UTC(), Kind: event.NoticeOpened, Tunnel: e.Tunnel, To: string(tunnel.Lossy), Cause: tunnel.Lossy,
			Evidence: lossEvidence(b.seen.Path)}
	}
	o.Events = append(o.Events, e)
}

// isWell says that a verdict is a good one. Any other is asked for at every
// look: one that comes early can only be better.
func isWell(v health.Verdict) bool { return v == health.Healthy || v == health.Idle }

// again decides when to look next.
func (b *Brain) again(now time.Time) {
	next := b.judged.Next
	every := SampleEvery
	if b.confirms() {
		// A silence must be known of before half the time that makes it suspicious.
		every = min(every, b.policy.Limits().SuspectAfter/2)
	}
	if flowing := !b.meter.still(now); flowing && (next.IsZero() || now.Add(every).Before(next)) {
		next = now.Add(every)
	}
	b.lookAt = next
}

// confirms says that the profile asks before it judges, and so wants to see
// every reading.
func (b *Brain) confirms() bool { return b.policy.Limits().SuspectAfter > 0 }

// LookSoon has the next look be within SampleEvery: something has moved since
// the last one.
func (b *Brain) LookSoon(now time.Time) { b.lookAt = now.Add(SampleEvery) }

// quiet tells the machine when the line becomes quiet or busy.
func (b *Brain) quiet(o *Output, now time.Time) {
	if q := b.meter.quiet(now); q != b.meter.toldQuiet {
		b.meter.toldQuiet = q
		b.step(o, now, failover.Line{Quiet: q})
	}
}
