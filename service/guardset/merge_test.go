package guardset

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// TestMerge draws prefixes from a small space, in which every address can be
// looked up: merging changes none of their answers, and is done once.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in []netip.Prefix
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			a := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "a")})
			in = append(in, netip.PrefixFrom(a, rapid.IntRange(24, 32).Draw(t, "bits")))
		}
		out := merge(in)
		for i := range 256 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			if n, want := count(out, a), count(in, a) > 0; n > 1 || want != (n == 1) {
				t.Fatalf("%v of %v: %d of %v hold it", a, in, n, out)
			}
		}
		for _, a := range out {
			for _, b := range out {
				if whole, ok := join(a, b); ok && a != b && a.Addr().Less(b.Addr()) {
					t.Fatalf("%v of %v are the halves of %v", out, in, whole)
				}
			}
		}
	})
}

func count(list []netip.Prefix, a netip.Addr) (n int) {
	for _, p := range list {
		if p.Contains(a) {
			n++
		}
	}
	return n
}
