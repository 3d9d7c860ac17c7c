package wg

import "testing"

// TestRebindRepeatsALostInitiation changes the network so soon after a
// handshake that the device itself neither asks nor repeats.
func TestRebindRepeatsALostInitiation(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServer(t, echo, key.Public())
	p := newPath(t, s.addr, 0)
	c := newClient(t, Options{})
	c.mustStart(t, "a", configFor(key, s, p.addr), StartOptions{})
	c.mustPromote(t, "a")
	c.mustEcho(t, 1)
	before, asked := c.mustCount(t, "a"), len(p.initiations())
	p.dropAll.Store(true)
	if err := c.Rebind("a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an initiation is lost", func() bool { return len(p.initiations()) > asked })
	if c.mustCount(t, "a").InitiatingSince.IsZero() {
		t.Error("it is not known that the device asks")
	}
	p.dropAll.Store(false)
	eventually(t, "the question is answered in the end", func() bool {
		now := c.mustCount(t, "a")
		return now.LastHandshake.After(before.LastHandshake) && now.InitiatingSince.IsZero()
	})
}
