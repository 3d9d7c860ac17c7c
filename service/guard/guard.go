// Package guard enforces a guardset.Set in the system's packet filter: the kill
// switch. On Linux these are rules of nf_tables.
//
// The rules are made once and not deleted while anything is kept in: what
// varies is in sets, which change by elements. They belong to the kernel and
// outlive the process; the next one adopts them as they are and moves on from
// there. What is in force is read back after each change.
//
// A Guard never opens by itself: only a Set of kind open removes rules, and
// Release does. It decides nothing, knows no tunnel and sees no packet.
//
// Known exceptions: packets that a program with CAP_NET_RAW puts on the link
// itself (AF_PACKET), what a bridge passes on below IP, and what runs in
// another network namespace with an interface of its own.
package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"holdfast/service/guardset"
)

// ErrUnsupported says that this system has no packet filter that this build
// knows. It wraps errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("keep traffic in on this system: %w", errors.ErrUnsupported)

// ErrOwned says that the rules belong to another running process, which alone
// may change them.
var ErrOwned = errors.New("the rules belong to another running holdfastd: ask it, or stop it")

// MaxPermits is how many different addresses can be permitted at a time. It is
// far more than a service asks for: one endpoint and the probes of each member.
const MaxPermits = 64

const (
	// tries is how often a Set is put in force and read back before it fails.
	tries = 3
	// retryAfter is how long it waits in between: all of them take less than a second.
	retryAfter = 250 * time.Millisecond
)

// Options says what is let through.
type Options struct {
	// Interface is the name of the tunnel's interface. It need not exist.
	Interface string
	// Mark is the firewall mark of our own packets. Permits hold for packets
	// with this mark from a socket of this process's user. It must not be 0.
	Mark uint32
	// Log gets warnings. nil: none.
	Log *slog.Logger
}

var interfaceName = regexp.MustCompile(`^[a-zA-Z0-9_=+.-]{1,15}$`)

func (o *Options) validate() error {
	if !interfaceName.MatchString(o.Interface) {
		return fmt.Errorf("guard: interface name %q is not usable", o.Interface)
	}
	if o.Mark == 0 {
		return errors.New("guard: needs a mark for our own packets")
	}
	return nil
}

// Change is what another program did to the rules.
type Change struct {
	// By is the program, as in "nft (pid 4242)". "": not known. The number is
	// that of its thread in the initial pid namespace.
	By string
	// What was changed, in plain words.
	What string
	// Err is nil: the rules are whole again. Else they cannot be put back.
	Err error
}

// State is what a Guard knows of the rules.
type State struct {
	// Set was put in force last. The zero Set: none was.
	Set guardset.Set
	// VerifiedAt is when the rules were read back whole last. While Watch runs
	// they were not changed since. Zero: never.
	VerifiedAt time.Time
	// Err is why Watch could not read them or put them back. nil: they are whole.
	Err error
	// Owned says that no other program can remove the rules while this process lives.
	Owned bool
	// Watched says that Watch runs.
	Watched bool
	// Permits is how many addresses are permitted at the moment.
	Permits int
}
