package web

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast/web/api"
)

// TestPulse: the figures are read once a second however many listen, and not at
// all while nobody does.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := uint64(0)
		p := &pulse{read: func() api.Figures { reads++; return api.Figures{RxBytes: reads} }}
		time.Sleep(time.Hour)
		if reads != 0 {
			t.Fatalf("%d readings for nobody", reads)
		}
		a, leaveA := p.listen()
		b, leaveB := p.listen()
		for want := uint64(1); want <= 3; want++ {
			if got := <-a; got.RxBytes != want {
				t.Errorf("got the reading %d, want %d", got.RxBytes, want)
			}
		}
		synctest.Wait()
		if got := <-b; got.RxBytes != 3 || len(b) != 0 {
			t.Errorf("a slow listener got the reading %d, want the latest", got.RxBytes)
		}
		leaveA()
		leaveB()
		time.Sleep(time.Hour)
		if reads != 3 {
			t.Errorf("%d readings, want none after the last listener has left", reads)
		}
		again, leave := p.listen()
		defer leave()
		if got := <-again; got.RxBytes != 4 {
			t.Errorf("who comes later got the reading %d", got.RxBytes)
		}
	})
}
