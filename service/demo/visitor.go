package demo

import (
	"sync/atomic"
	"time"

	"holdfast/service/lab"
)

const (
	// watchedFor is how long a page that has asked counts as looked at: it asks
	// about once a second.
	watchedFor = 4 * time.Second
	// actsMost is how many acts wait for somebody who tells of them.
	actsMost = 16
)

// visitor is the person at the page, as others see them.
type visitor struct {
	askedAt atomic.Int64 // Unix time in ns; 0: never
	acts    chan lab.Step
}

func newVisitor() visitor { return visitor{acts: make(chan lab.Step, actsMost)} }

// did keeps what the person has done, where somebody tells of it in time.
func (v *visitor) did(s lab.Step) {
	select {
	case v.acts <- s:
	default:
	}
}

// Watched says that somebody looks at the lab on the page.
func (d *Demo) Watched() bool { return time.Since(time.Unix(0, d.page.askedAt.Load())) < watchedFor }

// Acts are the steps that were done on the page, for the terminal to tell.
func (d *Demo) Acts() <-chan lab.Step { return d.page.acts }
