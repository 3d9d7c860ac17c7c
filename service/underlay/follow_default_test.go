//go:build !linux

package underlay

import "testing"

// Following begins and ends, twice, and its end waits for nothing that comes never.
func TestFollow(t *testing.T) {
	for range 2 {
		stop, err := Follow(func() {}, func(err error) { t.Error(err) })
		if err != nil {
			t.Skip("needs a system that tells of changes:", err)
		}
		stop()
	}
}
