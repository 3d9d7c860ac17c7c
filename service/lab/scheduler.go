package lab

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// delayedMost bounds what one path holds back, in datagrams; more is lost.
const delayedMost = 1 << 16

// delayed is a datagram that waits for its moment.
type delayed struct {
	at    time.Duration
	order uint64 // first come, first out among equals
	way   Direction
	to    *flow
	data  *[]byte
}

type delayedHeap []delayed

func (h delayedHeap) Len() int { return len(h) }
func (h delayedHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h delayedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *delayedHeap) Push(x any)   { *h = append(*h, x.(delayed)) }
func (h *delayedHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = delayed{}
	*h = old[:len(old)-1]
	return last
}

// scheduler hands datagrams on when their time has come: one goroutine and one
// timer for a path, however many datagrams wait.
type scheduler struct {
	now  func() time.Duration
	send func(delayed)
	wake chan struct{} // holds one: the head of the heap has changed
	done chan struct{} // closed by stop

	// waiting counts what has been added and not yet been sent, by direction.
	waiting [2]atomic.Int64

	mu    sync.Mutex // protects what follows
	heap  delayedHeap
	order uint64
}

func newScheduler(now func() time.Duration, send func(delayed)) *scheduler {
	return &scheduler{now: now, send: send, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// add copies the datagram and keeps it until at. It says false when the path
// already holds as much as it may.
func (s *scheduler) add(at time.Duration, way Direction, to *flow, data []byte) bool {
	b := buffers.Get().(*[]byte)
	*b = append((*b)[:0], data...)
	s.mu.Lock()
	if len(s.heap) >= delayedMost {
		s.mu.Unlock()
		buffers.Put(b)
		return false
	}
	s.order++
	s.waiting[way].Add(1)
	heap.Push(&s.heap, delayed{at: at, order: s.order, way: way, to: to, data: b})
	first := s.heap[0].order == s.order
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// run sends until stop is called. What still waits then is lost.
func (s *scheduler) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due []delayed
	for {
		var wait time.Duration
		due, wait = s.takeDue(due[:0])
		for _, d := range due {
			s.send(d)
			s.waiting[d.way].Add(-1)
			buffers.Put(d.data)
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.wake:
		case <-s.done:
			return
		}
	}
}

// takeDue appends what is due, and says how long the next one has still to wait.
func (s *scheduler) takeDue(due []delayed) ([]delayed, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for len(s.heap) > 0 && s.heap[0].at <= now {
		due = append(due, heap.Pop(&s.heap).(delayed))
	}
	if len(s.heap) == 0 {
		return due, time.Hour
	}
	return due, s.heap[0].at - now
}

func (s *scheduler) stop() { close(s.done) }
