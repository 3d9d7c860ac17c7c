package guard

import (
	"slices"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// maxElements is how many elements one message holds: an attribute ends at 64
// KiB, and an element takes at most 60 bytes.
const maxElements = 1000

// writer collects the messages of a batch.
type writer struct {
	family byte
	batch  []message
}

func (w *writer) take() []message {
	b := w.batch
	w.batch = nil
	return b
}

func (w *writer) put(kind uint16, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder)) {
	w.batch = append(w.batch, message{kind: kind, flags: flags, family: w.family, attrs: encode(fill)})
}

func (w *writer) table(flags uint32) {
	w.put(unix.NFT_MSG_NEWTABLE, netlink.Create, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_TABLE_NAME, tableName)
		e.Uint32(unix.NFTA_TABLE_FLAGS, flags)
	})
}

func (w *writer) deleteTable() {
	w.put(unix.NFT_MSG_DELTABLE, 0, func(e *netlink.AttributeEncoder) { e.String(unix.NFTA_TABLE_NAME, tableName) })
}

func (w *writer) sets(list []set) {
	for i := range list {
		w.set(&list[i])
		w.change(unix.NFT_MSG_NEWSETELEM, &list[i], list[i].elements)
	}
}

func (w *writer) set(s *set) {
	w.put(unix.NFT_MSG_NEWSET, netlink.Create, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_TABLE, tableName)
		e.String(unix.NFTA_SET_NAME, s.name)
		e.Uint32(unix.NFTA_SET_ID, uint32(len(w.batch)+1)) // any, but another for each
		e.Uint32(unix.NFTA_SET_FLAGS, s.flags)
		e.Uint32(unix.NFTA_SET_KEY_TYPE, s.key)
		e.Uint32(unix.NFTA_SET_KEY_LEN, s.size)
		if s.limit > 0 {
			e.Nested(unix.NFTA_SET_DESC, func(e *netlink.AttributeEncoder) error {
				e.Uint32(unix.NFTA_SET_DESC_SIZE, s.limit)
				return nil
			})
		}
	})
}

func (w *writer) deleteSet(name string) {
	w.put(unix.NFT_MSG_DELSET, 0, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_TABLE, tableName)
		e.String(unix.NFTA_SET_NAME, name)
	})
}

func (w *writer) chains(list []chain) {
	for i := range list {
		w.chain(&list[i])
	}
}

func (w *writer) chain(c *chain) {
	w.put(unix.NFT_MSG_NEWCHAIN, netlink.Create, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_CHAIN_TABLE, tableName)
		e.String(unix.NFTA_CHAIN_NAME, c.name)
		if c.hook == nil {
			return
		}
		e.Nested(unix.NFTA_CHAIN_HOOK, func(e *netlink.AttributeEncoder) error {
			e.Uint32(unix.NFTA_HOOK_HOOKNUM, c.hook.number)
			e.Int32(unix.NFTA_HOOK_PRIORITY, c.hook.priority)
			return nil
		})
		e.Uint32(unix.NFTA_CHAIN_POLICY, c.hook.policy)
		e.String(unix.NFTA_CHAIN_TYPE, c.hook.kind)
	})
}

func (w *writer) deleteChain(name string) {
	w.put(unix.NFT_MSG_DELCHAIN, 0, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_CHAIN_TABLE, tableName)
		e.String(unix.NFTA_CHAIN_NAME, name)
	})
}

func (w *writer) rules(chains []chain) {
	for i := range chains {
		for _, r := range chains[i].rules {
			w.put(unix.NFT_MSG_NEWRULE, netlink.Create|netlink.Append, func(e *netlink.AttributeEncoder) {
				e.String(unix.NFTA_RULE_TABLE, tableName)
				e.String(unix.NFTA_RULE_CHAIN, chains[i].name)
				e.Bytes(unix.NLA_F_NESTED|unix.NFTA_RULE_EXPRESSIONS, r.exprs)
			})
		}
	}
}

// deleteRules empties all chains of the table.
func (w *writer) deleteRules() {
	w.put(unix.NFT_MSG_DELRULE, 0, func(e *netlink.AttributeEncoder) { e.String(unix.NFTA_RULE_TABLE, tableName) })
}

// change adds or deletes elements. What ends within a millisecond is not added.
func (w *writer) change(kind uint16, s *set, elements map[element]time.Duration) {
	var flags netlink.HeaderFlags
	if kind == unix.NFT_MSG_NEWSETELEM {
		flags = netlink.Create
	}
	var order []element
	for k, left := range elements {
		if left == 0 || left >= time.Millisecond { // else it ends before it begins
			order = append(order, k)
		}
	}
	slices.SortFunc(order, func(a, b element) int { return strings.Compare(a.key, b.key) })
	for part := range slices.Chunk(order, maxElements) {
		w.put(kind, flags, func(e *netlink.AttributeEncoder) {
			e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
			e.String(unix.NFTA_SET_ELEM_LIST_SET, s.name)
			e.Nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(e *netlink.AttributeEncoder) error {
				for _, k := range part {
					e.Nested(unix.NFTA_LIST_ELEM, func(e *netlink.AttributeEncoder) error {
						encodeElement(e, k, elements[k])
						return nil
					})
				}
				return nil
			})
		})
	}
}

func encodeElement(e *netlink.AttributeEncoder, k element, left time.Duration) {
	e.Nested(unix.NFTA_SET_ELEM_KEY, func(e *netlink.AttributeEncoder) error {
		e.Bytes(unix.NFTA_DATA_VALUE, []byte(k.key))
		return nil
	})
	if k.end {
		e.Uint32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
	}
	if left > 0 {
		e.Uint64(unix.NFTA_SET_ELEM_TIMEOUT, uint64(left.Milliseconds()))
	}
}

// flush deletes all elements of a set.
func (w *writer) flush(s *set) {
	w.put(unix.NFT_MSG_DELSETELEM, 0, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
		e.String(unix.NFTA_SET_ELEM_LIST_SET, s.name)
	})
}
