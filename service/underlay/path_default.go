//go:build !linux

package underlay

import "net/netip"

// Path returns how a socket of ours would send to a place, with the first of the
// lasting addresses that it could send from. false: it is not known.
func (r *Reader) Path(to netip.Addr, _ uint32, ours func(name string) bool) (Path, bool) {
	t, err := r.Read()
	if err != nil {
		return Path{}, false
	}
	return t.path(to, ours)
}
