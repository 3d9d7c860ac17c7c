package web

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/tunnel"
)

// TestBinForgets: in time, and the oldest of too many.
func TestBinForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bin
		one := &tunnel.Config{Interface: tunnel.Interface{MTU: 1400}}
		b.put("nl", one)
		time.Sleep(9 * time.Minute)
		b.put("nl", &tunnel.Config{Interface: tunnel.Interface{MTU: 1300}})
		time.Sleep(9 * time.Minute)
		if c := b.get("nl"); c == nil || c.Interface.MTU != 1300 {
			t.Errorf("got %+v, want the one that was deleted last, for its own ten minutes", c)
		}
		time.Sleep(2 * time.Minute)
		if b.get("nl") != nil || len(b.list) != 0 {
			t.Error("it is kept for longer than ten minutes")
		}
		for i := range maxDeleted + 1 {
			b.put(tunnel.Name(fmt.Sprint("t", i)), one)
		}
		if b.get("t0") != nil || b.get("t1") == nil || len(b.list) != maxDeleted {
			t.Errorf("%d are kept", len(b.list))
		}
		b.drop("t1")
		if b.get("t1") != nil {
			t.Error("what was restored is kept")
		}
		time.Sleep(keptDeleted)
		synctest.Wait()
		if len(b.list) != 0 {
			t.Errorf("%d are kept", len(b.list))
		}
	})
}
