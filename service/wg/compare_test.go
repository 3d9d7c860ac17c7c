package wg

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Both ways to a server are asked beside the session. The one in use wins when
// it answers, also where the other is quicker.
func TestCompare(t *testing.T) {
	c, _, near, far, _, farCfg := site(t)
	within := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	before := c.mustCount(t, "near")
	if err := c.Compare(within(), "near", farCfg); !errors.Is(err, ErrAnswers) {
		t.Errorf("while both answer: got %v", err)
	}
	near.dropAll.Store(true)
	if err := c.Compare(within(), "near", farCfg); err != nil {
		t.Errorf("while only the other answers: got %v", err)
	}
	// What silenced both is over: the other answers first.
	near.delay.Store(int64(30 * time.Millisecond))
	near.dropAll.Store(false)
	if err := c.Compare(within(), "near", farCfg); !errors.Is(err, ErrAnswers) {
		t.Errorf("while the one in use is slower: got %v", err)
	}
	near.dropAll.Store(true)
	far.dropAll.Store(true)
	if err := c.Compare(within(), "near", farCfg); !errors.Is(err, ErrUnanswered) {
		t.Errorf("while neither answers: got %v", err)
	}
	near.dropAll.Store(false)
	after := c.mustCount(t, "near")
	if c.Active() != "near" || c.Endpoint("near") != near.addr || !after.LastHandshake.Equal(before.LastHandshake) || after.Initiations != before.Initiations {
		t.Errorf("asking changed something: %q at %s, %+v before and %+v after", c.Active(), c.Endpoint("near"), before, after)
	}
	c.mustEcho(t, 9)
}
