package main

import (
	"time"

	"holdfast/service/lab"
)

const (
	// pingEvery is the pace of the demo's background pings.
	pingEvery = 500 * time.Millisecond
	// outageFrom is the shortest gap between answered pings that counts as an
	// outage: four pings in a row were lost. Single losses are the line's.
	outageFrom = 4*pingEvery + pingEvery/2
	// fateAfter is when the fate of a ping is known for sure: 2 s, and a little.
	fateAfter = 2200 * time.Millisecond
)

// outage is a time in which no ping was answered.
type outage struct {
	// since is when the first ping was sent that was not answered, until when the
	// first that was.
	since, until time.Time
}

func (o outage) length() time.Duration { return o.until.Sub(o.since) }

// outages watches the answered pings for gaps. Its zero value has seen none.
type outages struct {
	// firstAt and lastAt are when the first and the last answered ping were sent.
	// Zero: none was answered yet, which is connecting and no outage.
	firstAt, lastAt time.Time
	// open are outages that are over, and whose pings' fate is not known yet.
	open []outage
	// sum and lost are over all outages that settled returned.
	sum  time.Duration
	lost int
	n    int
}

// look takes the counts of now.
func (o *outages) look(c lab.TrafficCounts) {
	at := c.AnsweredAt
	if !at.After(o.lastAt) {
		return
	}
	if o.firstAt.IsZero() {
		o.firstAt = at
	} else if at.Sub(o.lastAt) > outageFrom {
		o.open = append(o.open, outage{since: o.lastAt.Add(pingEvery), until: at})
	}
	o.lastAt = at
}

// silence is for how long pings have gone unanswered; 0: they are answered.
func (o *outages) silence(now time.Time) time.Duration {
	if o.lastAt.IsZero() || now.Sub(o.lastAt) < 3*pingEvery {
		return 0
	}
	return now.Sub(o.lastAt)
}

// settled returns the next outage of which everything is known; false: none.
func (o *outages) settled(now time.Time) (outage, bool) {
	if len(o.open) == 0 || now.Sub(o.open[0].until) < fateAfter {
		return outage{}, false
	}
	first := o.open[0]
	o.open = o.open[1:]
	return first, true
}

// end makes everything known: outages that are not settled, and one that goes on.
func (o *outages) end(now time.Time) []outage {
	all := o.open
	o.open = nil
	if !o.lastAt.IsZero() && now.Sub(o.lastAt) > outageFrom {
		all = append(all, outage{since: o.lastAt.Add(pingEvery), until: now})
	}
	return all
}

// count adds one to the sums.
func (o *outages) count(one outage, lost int) {
	o.sum += one.length()
	o.lost += lost
	o.n++
}
