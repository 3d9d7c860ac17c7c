package web

import (
	"slices"
	"sync"
	"time"

	"holdfast/service/tunnel"
)

const (
	// keptDeleted is how long a deleted tunnel can be restored.
	keptDeleted = 10 * time.Minute
	// maxDeleted is how many are kept, the latest.
	maxDeleted = 32
)

// bin keeps deleted tunnels for a while, in memory only: a key that was deleted
// is to be gone from the disk. The zero value is empty.
type bin struct {
	mu   sync.Mutex
	list []*discarded // the oldest first, each name once
}

type discarded struct {
	name   tunnel.Name
	config *tunnel.Config
	expiry *time.Timer
}

// put keeps a tunnel, in the place of an earlier one of its name.
func (b *bin) put(name tunnel.Name, c *tunnel.Config) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropLocked(func(d *discarded) bool { return d.name == name })
	if len(b.list) == maxDeleted {
		oldest := b.list[0]
		b.dropLocked(func(d *discarded) bool { return d == oldest })
	}
	d := &discarded{name: name, config: c}
	d.expiry = time.AfterFunc(keptDeleted, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.dropLocked(func(o *discarded) bool { return o == d })
	})
	b.list = append(b.list, d)
}

// get returns a tunnel that is kept. Nil: there is none of this name.
func (b *bin) get(name tunnel.Name) *tunnel.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.list {
		if d.name == name {
			return d.config.Clone()
		}
	}
	return nil
}

// drop forgets a tunnel.
func (b *bin) drop(name tunnel.Name) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropLocked(func(d *discarded) bool { return d.name == name })
}

// dropLocked forgets those that fit. bin.mu is held.
func (b *bin) dropLocked(which func(*discarded) bool) {
	b.list = slices.DeleteFunc(b.list, func(d *discarded) bool {
		if which(d) {
			d.expiry.Stop()
			return true
		}
		return false
	})
}
