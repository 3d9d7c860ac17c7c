package guard

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// Supported says whether this system can keep anything in.
const Supported = true

// kernel is our filters in the Windows Filtering Platform.
//
// What blocks, and what anybody may let pass, lasts: it is kept by BFE and is in
// force without any process of ours, also from the next start of the computer
// on. What only this process may send, the tunnel's interface and a pause are of
// sessions that end with the process.
type kernel struct {
	// tunnel is the name of its interface.
	tunnel string
	self   wfpSelf
	// lasting is the session of what lasts, and of reading; live of what is ours.
	lasting, live *engine
	pause         *pause // nil: there is none
	// meant is what was put in force last, by these filters. nil: nothing was.
	meant   meant
	inForce []wfpFilter
}

func openKernel(o Options) (*kernel, error) {
	lasting, err := openEngine(false)
	if err != nil {
		return nil, err
	}
	live, err := openEngine(true)
	if err != nil {
		return nil, errors.Join(err, lasting.Close())
	}
	k := &kernel{tunnel: o.Interface, lasting: lasting, live: live}
	if k.self, err = newSelf(); err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

func (k *kernel) Close() error {
	k.pause.end()
	return errors.Join(k.live.Close(), k.lasting.Close())
}

// isOwned returns false: who may change filters may change ours.
func (k *kernel) isOwned() bool { return false }

// enforce takes steps until what is read is what is meant, see wfpSteps.
func (k *kernel) enforce(m meant) (o outcome, err error) {
	k.self.luid, k.self.index = interfaceByName(k.tunnel)
	want := wfpFilters(m, k.self)
	for try := range tries {
		have, err := k.lasting.read()
		if err != nil {
			return o, err
		}
		if try == 0 {
			before := k.inForce
			if before == nil {
				before = want
			}
			o.lost = wfpLost(have, before)
		}
		gone, come := wfpChanges(have, want)
		if k.paused(m, come) && len(gone) == 0 && len(come) == 0 {
			k.meant, k.inForce = m, want
			return o, nil
		}
		if err := k.move(m, gone, come); err != nil {
			return o, err
		}
	}
	return o, fmt.Errorf("the filters are not as they should be: %s", strings.Join(o.lost, ", "))
}

// paused says that the pause is as it is meant. One that is there is not begun
// anew where it ends at the same time.
func (k *kernel) paused(m meant, come []wfpFilter) bool {
	if m.paused <= 0 {
		k.pause.end()
		k.pause = nil
		return true
	}
	for _, f := range come {
		if f.life == wfpPause {
			return false
		}
	}
	return k.pause != nil && (time.Until(k.pause.until)-m.paused).Abs() < time.Second
}

// move takes the steps that lead there.
func (k *kernel) move(m meant, gone []wfpFound, come []wfpFilter) error {
	for _, s := range wfpSteps(gone, come) {
		var err error
		if s.live {
			err = k.live.change(s.gone, s.come)
		} else {
			err = k.lasting.within(func() error { return k.moveLasting(m, s) })
		}
		if err != nil {
			return err
		}
	}
	if m.paused <= 0 {
		return nil
	}
	k.pause.end()
	p, err := beginPause(m, k.self)
	k.pause = p
	return err
}

// moveLasting must be called within a change. Our provider and sublayer are there
// for as long as anything is in them.
func (k *kernel) moveLasting(m meant, s wfpStep) error {
	if !m.set.Shut() {
		return errors.Join(k.lasting.remove(s.gone), k.lasting.deleteHome())
	}
	if err := k.lasting.addHome(); err != nil {
		return err
	}
	if err := k.lasting.remove(s.gone); err != nil {
		return err
	}
	return k.lasting.add(s.come)
}

// except changes what is live, and nothing else.
func (k *kernel) except(p permit, add bool) error {
	if k.inForce == nil {
		return nil
	}
	m := k.meant
	m.permits = nil
	for _, x := range k.meant.permits {
		if x != p {
			m.permits = append(m.permits, x)
		}
	}
	if add {
		m.permits = append(m.permits, p)
	}
	want := wfpFilters(m, k.self)
	gone, come := wfpBetween(k.inForce, want)
	if err := k.live.change(gone, come); err != nil {
		news.ring() // another program may hold the filters for a moment: Watch tries again
		return err
	}
	k.meant, k.inForce = m, want
	return nil
}

// interfaceByName finds the number by which filters know an interface, and its
// index. 0: there is none.
func interfaceByName(name string) (luid uint64, index uint32) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, 0
	}
	row := windows.MibIfRow2{InterfaceIndex: uint32(i.Index)}
	if err := windows.GetIfEntry2Ex(windows.MibIfEntryNormal, &row); err != nil {
		return 0, 0
	}
	return row.InterfaceLuid, row.InterfaceIndex
}

// pause is a session of its own, which lets everything pass until it is closed:
// when its time is over, or with the process, whichever comes first. Filters know
// no time.
type pause struct {
	until time.Time
	timer *time.Timer
	once  sync.Once
	e     *engine
}

func beginPause(m meant, self wfpSelf) (*pause, error) {
	e, err := openEngine(true)
	if err != nil {
		return nil, err
	}
	var filters []wfpFilter
	for _, f := range wfpFilters(m, self) {
		if f.life == wfpPause {
			filters = append(filters, f)
		}
	}
	p := &pause{until: time.Now().Add(m.paused), e: e}
	if err := e.change(nil, filters); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	p.timer = time.AfterFunc(m.paused, p.end)
	return p, nil
}

// end may be called more than once, and on nil.
func (p *pause) end() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		if p.timer != nil {
			p.timer.Stop()
		}
		_ = p.e.Close()
	})
}
