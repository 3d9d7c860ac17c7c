package probe

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
)

// readCache returns the answers of the CacheFile. They pass the same test as
// answers from the network; what is not readable is as good as nothing.
func (r *Resolver) readCache() map[string]answer {
	out := map[string]answer{}
	if r.CacheFile == "" {
		return out
	}
	text, err := os.ReadFile(r.CacheFile)
	if errors.Is(err, fs.ErrNotExist) {
		return out
	}
	var kept map[string]answer
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		r.Log.Warn("the answers of earlier lookups are lost", "err", err)
		return out
	}
	for name, a := range kept {
		a.Addrs = slices.DeleteFunc(a.Addrs, func(a netip.Addr) bool { return !r.usable(a) })
		if len(a.Addrs) > 0 && len(a.Addrs) <= maxAddrs && len(out) < maxNames {
			out[name] = a
		}
	}
	return out
}

// keepLocked keeps a good answer, in place of the oldest where there are too many.
func (r *Resolver) keepLocked(name string, a answer) {
	was, known := r.good[name]
	if !known && len(r.good) >= maxNames {
		oldest := ""
		for n, g := range r.good {
			if oldest == "" || g.At.Before(r.good[oldest].At) {
				oldest = n
			}
		}
		delete(r.good, oldest)
	}
	r.good[name] = a
	if r.CacheFile == "" || known && sameSet(was.Addrs, a.Addrs) {
		return
	}
	if err := r.writeCache(); err != nil {
		r.Log.Warn("the answers of lookups are not kept", "err", err)
	}
}

// sameSet says that two answers hold the same, in whatever order: servers turn
// the order round for each question.
func sameSet(a, b []netip.Addr) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, netip.Addr.Compare)
	slices.SortFunc(b, netip.Addr.Compare)
	return slices.Equal(a, b)
}

func (r *Resolver) writeCache() error {
	text, err := json.Marshal(r.good)
	if err != nil {
		return err
	}
	temp := r.CacheFile + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, r.CacheFile)
}
