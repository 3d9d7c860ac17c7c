package sim

import (
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"holdfast/service/failover"
)

// Contenders makes one of each, fresh.
func Contenders() []func() Contender {
	hold := func(p failover.Profile) func() Contender {
		return func() Contender { return &Holdfast{Profile: p} }
	}
	return []func() Contender{
		hold(failover.Fast),
		hold(failover.Balanced),
		hold(failover.Patient),
		hold(failover.Classic),
		func() Contender { return &WGnext{} },
		func() Contender { return &WGnext{Documented: true} },
		func() Contender { return &Mullvad{} },
		func() Contender { return &Tailscale{} },
		func() Contender { return &NetBird{} },
		func() Contender { return &WGTunnel{Version: 5} },
		func() Contender { return &WGTunnel{Version: 4} },
		func() Contender { return &Gluetun{} },
		func() Contender { return &Watchdog{} },
	}
}

// Row is what one contender made of the worlds of one class.
type Row struct {
	Contender string
	Worlds    int
	// Faults is in how many worlds the fault mattered to somebody. Detections
	// are the times to notice it, Outages how long the person was without
	// service, both sorted.
	Faults     int
	Detections []time.Duration
	Outages    []time.Duration
	// Missed is how many faults cost more than missedAfter and were not noticed.
	Missed                       int
	FalseVerdicts, FalseSwitches int
	Switches, Notices, Actions   int
	MostNotices                  int
	Harm, Healthy                time.Duration
	ProbeBytes, Events           uint64
	Simulated                    time.Duration
}

// missedAfter is how long a person must have been without service for a fault
// that was not noticed to be a missed one.
const missedAfter = 30 * time.Second

// Play runs every contender in every world of a class, and returns a row for
// each. So many worlds are run at once; the result does not depend on it.
func (c Class) Play(seed uint64, contenders []func() Contender, atOnce int) []Row {
	seed = seedOf(seed, c.Name)
	tallies := make([][]Tally, len(contenders))
	for i := range tallies {
		tallies[i] = make([]Tally, c.Worlds)
	}
	type job struct{ contender, world int }
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range max(atOnce, 1) {
		wg.Go(func() {
			for j := range jobs {
				tallies[j.contender][j.world] = c.world(seed, j.world, contenders[j.contender]())
			}
		})
	}
	for i := range contenders {
		for n := range c.Worlds {
			jobs <- job{i, n}
		}
	}
	close(jobs)
	wg.Wait()
	rows := make([]Row, 0, len(contenders))
	for i, make := range contenders {
		r := Row{Contender: make().Name(), Worlds: c.Worlds, Simulated: time.Duration(c.Worlds) * (warm + c.Long)}
		for _, t := range tallies[i] {
			r.add(t, c.Whole)
		}
		slices.Sort(r.Detections)
		slices.Sort(r.Outages)
		rows = append(rows, r)
	}
	return rows
}

// seedOf gives every class its own worlds.
func seedOf(seed uint64, class string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(class))
	return seed ^ h.Sum64()
}

func (r *Row) add(t Tally, whole bool) {
	r.FalseVerdicts += t.FalseVerdicts
	r.FalseSwitches += t.FalseSwitches
	r.Switches += t.Switches
	r.Notices += t.Notices
	r.MostNotices = max(r.MostNotices, t.Notices)
	r.Actions += t.Actions
	r.Harm += t.Harm
	r.Healthy += t.Healthy
	r.ProbeBytes += t.ProbeBytes
	r.Events += t.Events
	if !t.Needed {
		return
	}
	r.Faults++
	if whole {
		r.Outages = append(r.Outages, t.After)
	} else {
		r.Outages = append(r.Outages, t.Outage)
	}
	switch {
	case t.Detected():
		r.Detections = append(r.Detections, max(t.DetectedAt-t.mattersAt, 0))
	case t.Outage >= missedAfter:
		r.Missed++
	}
}

// Quantile is the q-th part of sorted spans, the nearest rank. Without spans it
// is 0 and false.
func Quantile(sorted []time.Duration, q float64) (time.Duration, bool) {
	if len(sorted) == 0 {
		return 0, false
	}
	i := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)], true
}
