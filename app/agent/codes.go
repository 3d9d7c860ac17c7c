package agent

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"sync"
	"time"
)

const (
	// fileCodeLife is how long a code in a file of the person's may be used;
	// after it the page must be opened again.
	fileCodeLife = 30 * time.Second
	// linkCodeLife is the same for a code in an address, which a person may have
	// to copy into a browser by hand.
	linkCodeLife = 60 * time.Second
	// maxCodes is how many codes may be waiting; one more ends the oldest.
	maxCodes = 3
	// maxWrong is how many wrong codes are answered in wrongEvery; those beyond
	// are told to wait. A right code is taken all the same: a page that sends
	// wrong ones must not be able to lock the person out, and nobody finds one
	// of 2²⁵⁶ by trying.
	maxWrong   = 5
	wrongEvery = time.Minute
)

var (
	errWrongCode    = errors.New("no such code")
	errTooManyWrong = errors.New("too many wrong codes")
)

// secret makes 32 random bytes, as text that needs no escaping anywhere.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// A digest stands for a secret in memory, and can be compared in constant time.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

func (d digest) equals(other digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

// code is one that was handed out and not used yet.
type code struct {
	digest digest
	until  time.Time
	used   func() // told when it is used; never nil
}

// codes are those that may still begin a session. Nothing wakes up to end them:
// one that is too old is dropped when the next is looked for.
type codes struct {
	mu      sync.Mutex
	waiting []code      // oldest first
	wrong   []time.Time // when the last wrong ones came
}

func newCodes() *codes { return &codes{} }

// mint makes a code for one session. Used is called when it is used; nil: nothing is.
func (c *codes) mint(life time.Duration, used func()) string {
	if used == nil {
		used = func() {}
	}
	s := secret()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropOldLocked(time.Now())
	if len(c.waiting) == maxCodes {
		c.waiting = c.waiting[1:]
	}
	c.waiting = append(c.waiting, code{digest: digestOf(s), until: time.Now().Add(life), used: used})
	return s
}

// burn uses a code up. Of several who bring the same one, one gets nil.
func (c *codes) burn(s string) error {
	used, err := c.take(digestOf(s), time.Now())
	if err == nil {
		used()
	}
	return err
}

func (c *codes) take(d digest, now time.Time) (used func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropOldLocked(now)
	found := -1
	for i := range c.waiting {
		if c.waiting[i].digest.equals(d) {
			found = i
		}
	}
	if found < 0 {
		return nil, c.wrongLocked(now)
	}
	used = c.waiting[found].used
	c.waiting = append(c.waiting[:found], c.waiting[found+1:]...)
	return used, nil
}

// wrongLocked counts a wrong code. codes.mu is held.
func (c *codes) wrongLocked(now time.Time) error {
	for len(c.wrong) > 0 && now.Sub(c.wrong[0]) >= wrongEvery {
		c.wrong = c.wrong[1:]
	}
	if len(c.wrong) >= maxWrong {
		return errTooManyWrong
	}
	c.wrong = append(c.wrong, now)
	return errWrongCode
}

// dropOldLocked forgets the codes that may not be used any more. codes.mu is held.
func (c *codes) dropOldLocked(now time.Time) {
	kept := c.waiting[:0]
	for _, each := range c.waiting {
		if now.Before(each.until) {
			kept = append(kept, each)
		}
	}
	c.waiting = kept
}
