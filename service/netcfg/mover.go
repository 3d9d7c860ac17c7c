package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
)

// tables are a system's, as a mover reads and changes them.
type tables interface {
	// layout is what a Spec, which may be a seal's, means here. It fails where
	// the interface does not come within a moment.
	layout(ctx context.Context, s *Spec) (layout, error)
	// change makes one change. It succeeds where that is made already, and where
	// something is taken from an interface that is gone.
	change(ctx context.Context, o op) error
	// read returns what of a layout is there, of an interface of that name also
	// what another program gave it. Without the interface the link is zero.
	read(l *layout) (layout, error)
	// left is what a process before has left that is recognised as ours.
	left() (layout, error)
	// around is what else leads out of this computer.
	around(iface string) (surroundings, error)
	// resolver names the means by which resolvers are set.
	resolver() string
}

// surroundings are the routes that do not go through an interface of ours.
type surroundings struct {
	routes []foreign
	// own are the networks of each interface's addresses, by its name.
	own map[string][]netip.Prefix
	// metric is that of our routes, as foreign has it.
	metric uint32
}

// mover is a Manager for a system that has one table of routes and no way to ask
// for two changes at once. It moves step by step, in an order in which nothing is
// open between two of them, and takes the steps back when one fails.
type mover struct {
	outlet
	tables tables

	mu sync.Mutex
	// adopted says that have takes in what a process before has left.
	adopted bool
	// applied is the Spec in force, or a seal's. nil: none.
	applied *Spec
	have    layout
}

// Apply moves from what is applied now to the Spec. When it fails it has gone
// back to the state before, and the error says what failed. Where the Spec is of
// another interface than the one before, what belonged to that goes first.
func (m *mover) Apply(ctx context.Context, s Spec) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := s.Validate(); err != nil {
		return err
	}
	m.adopt()
	want, err := m.tables.layout(ctx, &s)
	if err != nil {
		return err
	}
	if err := m.refresh(); err != nil {
		return err
	}
	if m.have.link.iface != "" && m.have.link.iface != s.Interface {
		rest := m.have.without()
		if err := m.leave(ctx, &rest); err != nil {
			return err
		}
	}
	come, leave := steps(&m.have, &want)
	if err := carryOut(ctx, &m.have, append(come, leave...), m.tables.change); err != nil {
		return err
	}
	m.applied = &s
	m.lookAround()
	return nil
}

// refresh makes what is known to be in force what is in the tables.
func (m *mover) refresh() error {
	found, err := m.tables.read(&m.have)
	if err == nil {
		m.have = m.have.among(&found)
	}
	return err
}

// leave goes on from an interface to what needs none, and tries all of it.
func (m *mover) leave(ctx context.Context, to *layout) error {
	come, leave := steps(&m.have, to)
	err := insist(ctx, &m.have, append(come, leave...), m.tables.change)
	if err == nil {
		m.have.link = link{}
	}
	return err
}

// Seal makes that nothing of carry leaves, with no interface to go into, as far
// as this system has routes that lead nowhere; the guard's rules keep in the rest,
// and all of it where there are no such routes, as on Windows. It never fails for
// the want of an interface. What is sent by a socket that is bound to another
// interface leaves as if there was no tunnel; mark only says that there are such.
//
// First all that shuts comes; when that fails, what is there stays, and nothing
// is opened. Then what is not needed goes, as with Clear: an error of that
// leaves the seal in force.
func (m *mover) Seal(ctx context.Context, carry []netip.Prefix, mark uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := sealed(carry, mark)
	if err := s.validateRoutes(); err != nil {
		return err
	}
	m.adopt()
	want, err := m.tables.layout(ctx, &s)
	if err != nil {
		return err
	}
	if err := m.refresh(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	shut := want
	shut.names = m.have.names // to give these back shuts nothing
	come, _ := steps(&m.have, &shut)
	if err := carryOut(ctx, &m.have, come, m.tables.change); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	m.applied = &s
	m.lookAround()
	return m.leave(ctx, &want)
}

// Clear undoes all that Apply did. It goes on where a part fails; what could
// not be undone is tried again by the next Clear or Recover. Without anything
// applied, or with the interface gone, it succeeds.
func (m *mover) Clear(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adopt()
	m.applied = nil
	m.lookAround()
	return m.leave(ctx, &layout{})
}

// Recover cleans up what a killed process left. It is safe to call at any time.
func (m *mover) Recover(ctx context.Context) error { return m.Clear(ctx) }

// DNSBackend says by which means the resolvers are set at the moment; "": none are.
func (m *mover) DNSBackend() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adopt()
	if m.have.names.none() {
		return ""
	}
	return m.tables.resolver()
}

// adopt takes in what a process before has left, once.
func (m *mover) adopt() {
	if m.adopted {
		return
	}
	left, err := m.tables.left()
	if err != nil {
		m.Log.Warn("what the process before left is only known in part", "err", err)
	}
	m.have, m.adopted = left, true
}

// repair looks for what is missing of the Spec in force, and puts it back. It
// returns what that was, in plain words.
func (m *mover) repair() (what []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.applied == nil {
		return nil, nil
	}
	found, err := m.tables.read(&m.have)
	if err != nil {
		return nil, err
	}
	want := m.have
	if found.link.id != want.link.id {
		want = want.without() // there is nothing to lead anything to
	}
	back, what := missing(&want, &found)
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	var errs []error
	for _, o := range back {
		if err := m.tables.change(ctx, o); err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", o, err))
		}
	}
	return what, errors.Join(errs...)
}

// detours looks for what leads around what is in force, and tells of what is new
// of it.
func (m *mover) detours() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	if m.applied != nil {
		s, err := m.tables.around(m.have.link.iface)
		if err != nil {
			m.Log.Warn("whether something leads around the tunnel is not known", "err", err)
			return
		}
		found = detoursAmong(s.routes, m.have.led(), s.metric, s.own)
	}
	m.tellDetours(found)
}
