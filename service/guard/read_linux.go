package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// readTries is how often the tables are read anew when somebody changes them
// meanwhile.
const readTries = 20

// reading is our tables as the kernel has them.
type reading struct {
	// generation of all rules that was read, or an earlier one where nobody else
	// could change ours meanwhile.
	generation uint32
	tables     map[byte]*table // by family
}

// ownedBy says that all of them belong to this socket, so that nobody else can
// change them whatever happens to the rest of the firewall.
func (r *reading) ownedBy(portID uint32) bool {
	for _, t := range r.tables {
		if t.owner != portID {
			return false
		}
	}
	return len(r.tables) > 0
}

// sameAs says that both read the same.
func (r *reading) sameAs(o *reading) bool {
	if len(r.tables) != len(o.tables) {
		return false
	}
	for family, t := range r.tables {
		x := o.tables[family]
		if x == nil || t.flags != x.flags || t.owner != x.owner || len(differences(t, x)) > 0 {
			return false
		}
	}
	return true
}

// read reads our tables, all of them of one moment, or where the rest of the
// firewall changes all the time, twice the same. owner is the socket that
// changes ours.
func (s *socket) read(owner uint32) (reading, error) {
	var last *reading
	for range readTries {
		before, err := s.generation()
		if err != nil {
			return reading{}, err
		}
		r := reading{generation: before}
		r.tables, err = s.readTables()
		if err == nil && (r.ownedBy(owner) || last != nil && r.sameAs(last)) {
			return r, nil
		}
		after, errAfter := s.generation()
		switch {
		case errAfter != nil:
			return reading{}, errAfter
		case after == before:
			return r, err
		case err == nil:
			last = &r
		}
	}
	return reading{}, errors.New("read the rules: they change all the time")
}

func (s *socket) readTables() (map[byte]*table, error) {
	tables := map[byte]*table{}
	for _, family := range []byte{unix.NFPROTO_INET, unix.NFPROTO_ARP} {
		t, err := s.readTable(family)
		if err != nil {
			return nil, err
		}
		if t != nil {
			tables[family] = t
		}
	}
	return tables, nil
}

// errInterrupted says that a listing may not be whole.
var errInterrupted = errors.New("the rules changed meanwhile")

// list asks for a listing, and anew where it was interrupted. begin forgets
// what was listed before.
func (s *socket) list(m message, begin func(), each func(*netlink.AttributeDecoder) error) error {
	m.flags = netlink.Dump
	var err error
	for range readTries {
		begin()
		if err = s.request(m, each); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return err
}

// request asks for something, and calls each with every answer's attributes.
// The kernel answers while it is asked: nothing waits for it.
func (s *socket) request(m message, each func(*netlink.AttributeDecoder) error) error {
	sent, err := s.Send(m.encode())
	if err != nil {
		return fmt.Errorf("ask the kernel: %w", err)
	}
	var failed error
	done := false
	err = s.raw.Control(func(fd uintptr) {
		for !done {
			n, _, err := unix.Recvfrom(int(fd), s.buf, unix.MSG_DONTWAIT)
			switch {
			case errors.Is(err, unix.EINTR):
			case err != nil:
				failed, done = fmt.Errorf("read the kernel's answer: %w", err), true
			default:
				for a := range answers(s.buf[:n], sent.Header.Sequence) {
					var err error
					if done, err = take(a, each); failed == nil {
						failed = err // and take the rest all the same
					}
				}
			}
		}
	})
	return errors.Join(err, failed)
}

// take reads one answer. It says whether it is the last one.
func take(a netlink.Message, each func(*netlink.AttributeDecoder) error) (last bool, err error) {
	last = a.Header.Type == netlink.Error || a.Header.Type == netlink.Done
	switch {
	case !last && a.Header.Flags&unix.NLM_F_DUMP_INTR != 0: // the last says it of what came behind all there was
		err = errInterrupted
	case len(a.Data) < 4:
		err = errors.New("the kernel's answer is cut off")
	case last:
		if n := int32(binary.NativeEndian.Uint32(a.Data)); n != 0 {
			err = unix.Errno(-n)
		}
	default:
		err = decode(a.Data[4:], each)
	}
	return last || a.Header.Flags&netlink.Multi == 0, err
}

func decode(b []byte, each func(*netlink.AttributeDecoder) error) error {
	d, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return err
	}
	d.ByteOrder = binary.BigEndian
	if err := each(d); err != nil {
		return err
	}
	return d.Err()
}

func (s *socket) generation() (uint32, error) {
	var id uint32
	err := s.request(message{kind: unix.NFT_MSG_GETGEN}, func(d *netlink.AttributeDecoder) error {
		for d.Next() {
			if d.Type() == unix.NFTA_GEN_ID {
				id = d.Uint32()
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the rules: %w", explain(err))
	}
	return id, nil
}

// readTable returns nil where there is no such table.
func (s *socket) readTable(family byte) (*table, error) {
	t := &table{family: family}
	err := s.request(message{kind: unix.NFT_MSG_GETTABLE, family: family, attrs: named(unix.NFTA_TABLE_NAME)}, func(d *netlink.AttributeDecoder) error {
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_TABLE_FLAGS:
				t.flags = d.Uint32()
			case nftaTableOwner:
				t.owner = d.Uint32()
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read table: %w", explain(err))
	}
	for _, part := range []struct {
		name string
		read func(*table) error
	}{{"chains", s.readChains}, {"rules", s.readRules}, {"sets", s.readSets}} {
		if err := part.read(t); err != nil {
			return nil, fmt.Errorf("read %s: %w", part.name, err)
		}
	}
	return t, nil
}

const nftaTableOwner = 7 // NFTA_TABLE_OWNER

func named(attribute uint16) []byte {
	return encode(func(e *netlink.AttributeEncoder) { e.String(attribute, tableName) })
}

func (s *socket) readChains(t *table) error {
	m := message{kind: unix.NFT_MSG_GETCHAIN, family: t.family, attrs: named(unix.NFTA_CHAIN_TABLE)}
	return s.list(m, func() { t.chains = nil }, func(d *netlink.AttributeDecoder) error {
		var c chain
		h := &hook{}
		var owner string
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_CHAIN_TABLE:
				owner = d.String()
			case unix.NFTA_CHAIN_NAME:
				c.name = d.String()
			case unix.NFTA_CHAIN_HOOK:
				c.hook = h
				d.Nested(func(d *netlink.AttributeDecoder) error {
					for d.Next() {
						switch d.Type() {
						case unix.NFTA_HOOK_HOOKNUM:
							h.number = d.Uint32()
						case unix.NFTA_HOOK_PRIORITY:
							h.priority = d.Int32()
						}
					}
					return nil
				})
			case unix.NFTA_CHAIN_POLICY:
				h.policy = d.Uint32()
			case unix.NFTA_CHAIN_TYPE:
				h.kind = d.String()
			}
		}
		if owner == tableName {
			t.chains = append(t.chains, c)
		}
		return nil
	})
}

// readRules adds the rules to the chains that were read.
func (s *socket) readRules(t *table) error {
	m := message{kind: unix.NFT_MSG_GETRULE, family: t.family, attrs: named(unix.NFTA_RULE_TABLE)}
	forget := func() {
		for i := range t.chains {
			t.chains[i].rules = nil
		}
	}
	return s.list(m, forget, func(d *netlink.AttributeDecoder) error {
		var owner, in string
		var exprs []byte
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_RULE_TABLE:
				owner = d.String()
			case unix.NFTA_RULE_CHAIN:
				in = d.String()
			case unix.NFTA_RULE_EXPRESSIONS:
				exprs = d.Bytes()
			}
		}
		c := t.chain(in)
		if owner != tableName || c == nil {
			return nil
		}
		text, err := canonical(exprs)
		if err != nil {
			return err
		}
		c.rules = append(c.rules, rule{text: text})
		return nil
	})
}

func (s *socket) readSets(t *table) error {
	m := message{kind: unix.NFT_MSG_GETSET, family: t.family, attrs: named(unix.NFTA_SET_TABLE)}
	err := s.list(m, func() { t.sets = nil }, func(d *netlink.AttributeDecoder) error {
		var x set
		var owner string
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_SET_TABLE:
				owner = d.String()
			case unix.NFTA_SET_NAME:
				x.name = d.String()
			case unix.NFTA_SET_FLAGS:
				x.flags = d.Uint32()
			case unix.NFTA_SET_KEY_TYPE:
				x.key = d.Uint32()
			case unix.NFTA_SET_KEY_LEN:
				x.size = d.Uint32()
			}
		}
		if owner == tableName {
			t.sets = append(t.sets, x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range t.sets {
		if err := s.readElements(t.family, &t.sets[i]); err != nil {
			return fmt.Errorf("elements of %s: %w", t.sets[i].name, err)
		}
	}
	return nil
}

func (s *socket) readElements(family byte, x *set) error {
	attrs := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
		e.String(unix.NFTA_SET_ELEM_LIST_SET, x.name)
	})
	m := message{kind: unix.NFT_MSG_GETSETELEM, family: family, attrs: attrs}
	return s.list(m, func() { x.elements = map[element]time.Duration{} }, func(d *netlink.AttributeDecoder) error {
		for d.Next() {
			if d.Type() != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				continue
			}
			d.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					d.Nested(func(d *netlink.AttributeDecoder) error {
						k, left := readElement(d)
						x.elements[k] = left
						return nil
					})
				}
				return nil
			})
		}
		return nil
	})
}

func readElement(d *netlink.AttributeDecoder) (k element, left time.Duration) {
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_SET_ELEM_KEY:
			d.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					if d.Type() == unix.NFTA_DATA_VALUE {
						k.key = string(d.Bytes())
					}
				}
				return nil
			})
		case unix.NFTA_SET_ELEM_FLAGS:
			k.end = d.Uint32()&unix.NFT_SET_ELEM_INTERVAL_END != 0
		case unix.NFTA_SET_ELEM_EXPIRATION:
			left = time.Duration(d.Uint64()) * time.Millisecond
		}
	}
	return k, left
}
