//go:build unix

package library_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"holdfast/service/library"
	"holdfast/service/tunnel"
)

// Whoever reads while others save sees whole things only. On Windows a file that is
// being read stays in its place, and readers without a pause, as these, would keep it
// there.
func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, "nl", "de")
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, n := range l.Tunnels() {
					if c, err := l.Tunnel(n); err == nil && c.Validate() != nil {
						t.Errorf("%s is half a config", n)
					}
				}
				if text, err := os.ReadFile(filepath.Join(dir, "nl.conf")); err != nil {
					t.Error(err)
				} else if _, err := tunnel.Parse(text); err != nil {
					t.Error(err)
				}
				_, _, _, _ = l.Groups(), l.Policy(), l.Problems(), l
				_, _ = l.Resolve("home")
			}
		})
	}
	for i := range 4 {
		writers.Go(func() {
			own := tunnel.Name(fmt.Sprint("own", i))
			for n := range 10 {
				c := config(t)
				c.Interface.MTU = 1300 + n
				mtu := map[string]string{"mtu": fmt.Sprint(1300 + i)}
				_, err := l.SetSettings(mtu)
				for _, err := range []error{l.Save("nl", c, true), l.Save(own, c, true), err, l.SetGroup("home", []tunnel.Name{"de", "nl"}),
					l.SetGroup(own+"g", []tunnel.Name{own}), l.Rename(own, own+"x"), l.Reload(), l.RemoveGroup(own + "g"), l.Remove(own + "x")} {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for _, l := range []*library.Library{l, open(t, dir)} {
		wantNames(t, l, "de", "nl")
		if c, _ := l.Tunnel("nl"); c.Interface.MTU != 1309 {
			t.Errorf("MTU is %d, want the last", c.Interface.MTU)
		}
		if len(l.Groups()) != 1 || len(l.Problems()) != 0 {
			t.Errorf("left are %v, %v", l.Groups(), l.Problems())
		}
	}
	if got, want := files(t, dir), []string{"de.conf", "holdfast.toml", "nl.conf"}; !slices.Equal(got, want) {
		t.Errorf("files are %v, want %v", got, want)
	}
}
