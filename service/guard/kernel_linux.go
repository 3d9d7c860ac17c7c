package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	errNoTables = fmt.Errorf("this kernel has no nf_tables, without which nothing can be kept in: load the module nf_tables: %w", errors.ErrUnsupported)
	errNoRight  = fmt.Errorf("the firewall may only be changed as root or with CAP_NET_ADMIN: %w", unix.EPERM)
)

// Supported says whether this system can keep anything in.
const Supported = true

// explain says what an answer of the kernel to reading means.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return errNoRight
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return errNoTables // the whole of nf_tables is not known
	}
	return err
}

// explainRefusal says what a refused batch means.
func explainRefusal(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	switch {
	case r.at == nil:
		return explain(err)
	case r.errno == unix.EPERM:
		return ErrOwned
	case r.errno == unix.ENOENT || r.errno == unix.EOPNOTSUPP || r.errno == unix.EAFNOSUPPORT:
		return fmt.Errorf("this kernel lacks a part of nf_tables: %w", err)
	}
	return err
}

// kernel is our tables in the network namespace in which it was opened. They
// are made once and not deleted while anything is kept in: what varies is in
// sets, which change by elements.
//
// They belong to it while the process lives, on kernels that know an owner that
// persists (Linux 6.9): then nobody else can remove or change them. On others
// they are plain tables, which Watch puts back. A kernel without tables of
// family arp does not keep the tunnel's addresses from neighbours that ask for
// them; a warning in the log says so.
type kernel struct {
	log   *slog.Logger
	rules *ruleset
	// writer owns our tables, reader reads them.
	writer, reader *socket
	// plain says that this kernel knows no owner that persists.
	plain bool
	// noARP says that this kernel has no tables of family arp.
	noARP bool
	// owned says that the tables belonged to the writer when they were read last.
	owned bool
}

// openKernel opens it in the network namespace of the calling thread.
func openKernel(o Options) (*kernel, error) {
	w, err := dial()
	if err != nil {
		return nil, err
	}
	r, err := dial()
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return &kernel{
		log: o.Log, rules: newRuleset(o.Interface, o.Mark, uint32(os.Geteuid())),
		writer: w, reader: r,
	}, nil
}

func (k *kernel) Close() error { return errors.Join(k.writer.Close(), k.reader.Close()) }

// flags are those of the tables that are made.
func (k *kernel) flags() uint32 {
	if k.plain {
		return 0
	}
	return flagOwner | flagPersist
}

// generations count the changes of all rules in a network namespace: when
// something differed first, and when nothing did any more.
type generations struct{ found, verified uint32 }

// allGenerations is behind all changes.
var allGenerations = generations{verified: math.MaxUint32}

func (k *kernel) isOwned() bool { return k.owned }

// enforce makes the tables those that are meant, and reads them back until they
// are. Where none is meant it deletes ours.
func (k *kernel) enforce(m meant) (outcome, error) {
	var o outcome
	done := 0 // how often all was carried out
	for round := range readTries {
		r, err := k.reader.read(k.writer.PID())
		if err != nil {
			return o, err
		}
		c, err := k.compare(r, m.tables(k.rules, k.flags()))
		if round == 0 {
			o.lost, o.found = c.lost, r.generation
		}
		if err != nil {
			return o, err
		}
		if len(c.steps) == 0 && len(c.lost) == 0 {
			o.verified = r.generation
			return o, nil
		}
		if done == tries {
			return o, fmt.Errorf("the rules are not as they should be: %s", strings.Join(c.lost, ", "))
		}
		generation := r.generation
		if r.ownedBy(k.writer.PID()) || round > readTries/2 {
			generation = 0 // whatever others do, or else it is never done: it is read back
		}
		switch err := k.carryOut(generation, c.steps); {
		case err == nil:
			done++
		case errors.Is(err, unix.ERESTART): // somebody changed rules meanwhile
		case !k.manageWithout(err):
			return o, explainRefusal(err)
		}
	}
	return o, errors.New("change the rules: others change them all the time")
}

// compare finds what leads from the tables that were read to those that are meant.
func (k *kernel) compare(r reading, want []table) (change, error) {
	var all change
	k.owned = len(want) > 0
	for _, t := range r.tables {
		if t.owner != 0 && t.owner != k.writer.PID() {
			return all, ErrOwned
		}
		k.owned = k.owned && t.owner != 0
	}
	if len(want) == 0 {
		var batch []message
		for family := range r.tables {
			w := writer{family: family}
			w.deleteTable()
			batch = append(batch, w.batch...)
		}
		all.add(batch)
		return all, nil
	}
	for i := range want {
		t := &want[i]
		if t.family == unix.NFPROTO_ARP && k.noARP {
			continue
		}
		c := changes(r.tables[t.family], t)
		for j, batch := range c.steps { // both tables take each step together
			if j == len(all.steps) {
				all.steps = append(all.steps, nil)
			}
			all.steps[j] = append(all.steps[j], batch...)
		}
		for _, what := range c.lost {
			if t.family == unix.NFPROTO_ARP {
				what += " (of ARP)"
			}
			all.lost = append(all.lost, what)
		}
	}
	return all, nil
}

// carryOut takes the steps one after the other. Between them no packet is on
// its way through the rules that began before the step.
func (k *kernel) carryOut(generation uint32, steps [][]message) error {
	for i, batch := range steps {
		if i > 0 {
			awaitPackets()
			generation = 0 // which our own step has changed
		}
		if err := k.writer.commit(generation, batch); err != nil {
			return err
		}
	}
	return nil
}

// awaitPackets waits until the kernel is through with every packet that it is
// working on: they are worked on within sections of RCU, for which a global
// barrier waits. Where it cannot be had nothing is lost but this care.
func awaitPackets() {
	const global = 1 // MEMBARRIER_CMD_GLOBAL
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0)
}

// manageWithout notes what this kernel does not know and can be done without.
func (k *kernel) manageWithout(err error) bool {
	var r *refusal
	if !errors.As(err, &r) || r.at == nil {
		return false
	}
	unknown := r.errno == unix.EOPNOTSUPP || r.errno == unix.EINVAL || r.errno == unix.EAFNOSUPPORT || r.errno == unix.ENOENT
	switch {
	case !unknown:
		return false
	case r.at.family == unix.NFPROTO_ARP && !k.noARP:
		k.noARP = true
		k.log.Warn("this kernel cannot filter ARP: neighbours can ask for the tunnel's addresses", "err", err)
		return true
	case r.at.family == unix.NFPROTO_INET && r.at.kind == unix.NFT_MSG_NEWTABLE && !k.plain:
		k.plain = true
		k.log.Warn("this kernel cannot keep other programs from removing the rules: they are put back", "err", err)
		return true
	}
	return false
}
