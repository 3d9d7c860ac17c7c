package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast/service/event"
	"holdfast/service/status"
)

// A switch that the person asked for is the last switch as well.
func TestLastSwitchAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, status.Wish{}, nil)
		defer w.end()
		w.connect("home")
		w.flow(5 * time.Second)
		if l := w.Status().LastSwitch; l != nil {
			t.Errorf("the last switch is %+v, want none: the wish alone is no move", l)
		}
		if err := w.SwitchTo(t.Context(), "de"); err != nil {
			t.Fatal(err)
		}
		w.flow(5 * time.Second)
		l := w.Status().LastSwitch
		if l == nil || l.From != "nl" || l.To != "de" || l.Kind != event.WishChanged || l.At.IsZero() {
			t.Errorf("the last switch is %+v, want nl to de", l)
		}
		if err := w.Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.Status().LastSwitch; got == nil || *got != *l {
			t.Errorf("after the end the last switch is %+v, want %+v", got, l)
		}
	})
}
