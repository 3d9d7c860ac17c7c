package store

import (
	"embed"
	"io/fs"
	"time"
)

//go:embed migrations/*.sql
var embedded embed.FS

// tier is one resolution of the samples.
type tier struct {
	step time.Duration
	keep time.Duration
}

// tuning is every wait and limit, so that tests can make them small.
type tuning struct {
	migrations fs.FS
	// backlog is how many events and samples wait in memory at most. Beyond it
	// the oldest samples are dropped, then the oldest events.
	backlog int
	// batch is how many events go into one transaction at most.
	batch int
	// announceAfter is how long live streams wait for the disk.
	announceAfter time.Duration
	// sampleDelay is how long a sample may wait for others to share its write.
	sampleDelay time.Duration
	// After a failed write the next try waits retryFirst, doubling to retryMost.
	retryFirst, retryMost time.Duration
	// tiers of the samples, from fine to coarse, each step a multiple of the
	// one before.
	tiers []tier
	// keepEvents is how long events and cleared notices are kept.
	keepEvents time.Duration
	// pruneEvery is the least time between two prunings.
	pruneEvery time.Duration
	// distrust is how far the clock may run ahead since the last pruning before
	// one pruning is skipped: a clock that is wrong for a moment must not cost
	// the history.
	distrust time.Duration
	// maxPages bounds the pages in use; trimming goes on down to fullPages.
	maxPages, fullPages int64
	// maxPoints is how many points one answer of Samples has at most.
	maxPoints int
	// maxStory is how many events of a span Story reads at most.
	maxStory int
}

const (
	pageSize = 4096
	// walLimit bounds the write-ahead log between checkpoints, in bytes.
	walLimit = 4 << 20
	// maxBytes bounds all files of the live database together.
	maxBytes = 64 << 20
	// idStride is how many IDs the note beside the database reserves at a time.
	idStride = 1000
)

func defaultTuning() tuning {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic("the migrations are compiled in: " + err.Error())
	}
	const day = 24 * time.Hour
	return tuning{
		migrations:    sub,
		backlog:       10_000,
		batch:         500,
		announceAfter: 2 * time.Second,
		sampleDelay:   time.Second,
		retryFirst:    100 * time.Millisecond,
		retryMost:     5 * time.Second,
		tiers: []tier{
			{time.Second, time.Hour},
			{10 * time.Second, day},
			{time.Minute, 30 * day},
			{time.Hour, 365 * day},
		},
		keepEvents: 365 * day,
		pruneEvery: time.Hour,
		distrust:   45 * day,
		maxPages:   (maxBytes - 2*walLimit) / pageSize,
		fullPages:  (maxBytes - 3*walLimit) / pageSize,
		maxPoints:  5000,
		maxStory:   100_000,
	}
}
