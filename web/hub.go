package web

import (
	"maps"
	"slices"
	"sort"
	"sync"

	"holdfast/service/event"
)

const (
	// hubRing is how many of the latest events are kept in memory, so that a
	// stream that was cut off for a moment need not ask the store.
	hubRing = 1024
	// hubQueue is how many events a subscriber may be behind; one more and it
	// is cut off, to resume by the ID of the last it got. Every stream has room
	// for as many.
	hubQueue = 64
)

// Hub hands events to everyone who follows them. It never waits for anyone.
type Hub struct {
	mu     sync.Mutex
	ring   []event.Event // ascending by ID
	last   int64
	counts map[event.Kind]uint64
	subs   map[chan event.Event]struct{}
}

// NewHub makes a hub that has seen nothing yet.
func NewHub() *Hub {
	return &Hub{counts: map[event.Kind]uint64{}, subs: map[chan event.Event]struct{}{}}
}

// Publish tells events, whose IDs must ascend, also from one call to the next.
// It never blocks.
func (h *Hub) Publish(events []event.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		h.counts[e.Kind]++
		h.last = e.ID
		for ch := range h.subs {
			select {
			case ch <- e:
			default:
				close(ch)
				delete(h.subs, ch)
			}
		}
	}
	h.ring = append(h.ring, events...)
	// Trimming only at twice the length makes it seldom.
	if len(h.ring) > 2*hubRing {
		h.ring = slices.Clone(h.ring[len(h.ring)-hubRing:])
	}
}

// SubscribeEvents returns the events in memory after an ID, and a channel of
// those that follow without a gap. The channel is closed when its reader falls
// more than 64 events behind, and by nothing else; cancel ends the subscription.
func (h *Hub) SubscribeEvents(afterID int64) (backlog []event.Event, ch <-chan event.Event, cancel func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.ring[max(0, len(h.ring)-hubRing):]
	first := sort.Search(len(kept), func(i int) bool { return kept[i].ID > afterID })
	queue := make(chan event.Event, hubQueue)
	h.subs[queue] = struct{}{}
	return slices.Clone(kept[first:]), queue, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, queue)
	}
}

// LastEventID is the ID of the latest event. 0: there was none.
func (h *Hub) LastEventID() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Counts is how many events of each kind were published.
func (h *Hub) Counts() map[event.Kind]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.counts)
}
