package wg

import "holdfast/service/tunnel"

// Fault is something that ends the usefulness of the interface.
type Fault struct {
	of   *tunSwitch
	Name tunnel.Name // the active member; "": none was active
	Err  error       // ErrInterfaceDown, ErrInterfaceRenamed, or ErrInterfaceGone with its reason
}

// fault reports err unless the interface has been closed meanwhile. It drops
// the oldest report where nobody listens. It is called from the goroutines of
// the switch, which Close waits for, and so must not wait for mu.
func (d *Devices) fault(sw *tunSwitch, err error) {
	go func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.sw != sw {
			return
		}
		f := Fault{of: sw, Err: err}
		if d.active != nil {
			f.Name = d.active.name
		}
		for {
			select {
			case d.faults <- f:
				return
			default:
			}
			select {
			case <-d.faults:
			default:
			}
		}
	}()
}

// Stale says that a fault is of an interface that has been closed since.
func (d *Devices) Stale(f Fault) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return f.of != d.sw
}

// Faults tells when the interface goes down or away, or is renamed. The channel is never closed.
func (d *Devices) Faults() <-chan Fault { return d.faults }
