package guard

import (
	"time"

	"golang.org/x/sys/unix"
)

// tableName is the name of our tables, one of family inet and one of family arp.
const tableName = "holdfast"

// Flags of a table. With both it survives the process and a flush by others.
// They are numbered in linux/netfilter/nf_tables.h; Linux 5.12 and 6.9.
const (
	flagOwner   = 0x2
	flagPersist = 0x4
)

// table is one table, as it is meant or as it was read.
type table struct {
	family byte // unix.NFPROTO_*
	// flags of the table; owner is the socket it belongs to, as read. 0: none.
	flags, owner uint32
	sets         []set
	chains       []chain
}

type set struct {
	name  string
	key   uint32 // the type of the key, by which nft(8) shows it
	size  uint32 // of the key in bytes
	flags uint32 // unix.NFT_SET_*
	// limit is how many elements it can have, as meant. 0: any number.
	limit    uint32
	elements map[element]time.Duration // until the element ends by itself; 0: never
}

// element is a key of a set. Where the set holds ranges it is the first of one,
// or the first behind it.
type element struct {
	key string
	end bool
}

type chain struct {
	name string
	// hook is nil where only other chains lead to it.
	hook  *hook
	rules []rule
}

type hook struct {
	number   uint32
	priority int32
	kind     string // "filter"
	policy   uint32
}

const (
	policyDrop   = 0 // NF_DROP
	policyAccept = 1 // NF_ACCEPT
)

func (t *table) set(name string) *set {
	for i := range t.sets {
		if t.sets[i].name == name {
			return &t.sets[i]
		}
	}
	return nil
}

func (t *table) chain(name string) *chain {
	for i := range t.chains {
		if t.chains[i].name == name {
			return &t.chains[i]
		}
	}
	return nil
}

func (s *set) interval() bool { return s.flags&unix.NFT_SET_INTERVAL != 0 }

// sameKind says that two sets differ in their elements at most.
func (s *set) sameKind(o *set) bool {
	return s.key == o.key && s.size == o.size && s.flags == o.flags
}

// slack is how much the end of an element may differ: the time between reading
// the clock and the kernel's reading of it, and the kernel's ticks.
const slack = 250 * time.Millisecond

// sameElements says that both hold the same. An element about to end may be gone.
func (s *set) sameElements(have *set) bool {
	for e, left := range s.elements {
		got, ok := have.elements[e]
		switch {
		case !ok && (left == 0 || left > slack):
			return false
		case ok && (got-left).Abs() > slack:
			return false
		}
	}
	for e := range have.elements {
		if _, ok := s.elements[e]; !ok {
			return false
		}
	}
	return true
}

func sameRules(a, b []rule) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].text != b[i].text {
			return false
		}
	}
	return true
}
