package agent

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCodeIsUsedOnce(t *testing.T) {
	c := newCodes()
	used := 0
	code := c.mint(fileCodeLife, func() { used++ })
	if err := c.burn(code); err != nil {
		t.Fatal(err)
	}
	if err := c.burn(code); !errors.Is(err, errWrongCode) {
		t.Errorf("a second time: got %v", err)
	}
	if used != 1 {
		t.Errorf("told of %d uses", used)
	}
}

// TestCodeInParallel: of many who bring the same code, one gets in.
func TestCodeInParallel(t *testing.T) {
	c := newCodes()
	code := c.mint(fileCodeLife, nil)
	var in atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if c.burn(code) == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in", in.Load())
	}
}

func TestCodeGrowsOld(t *testing.T) {
	for _, life := range []time.Duration{fileCodeLife, linkCodeLife} {
		synctest.Test(t, func(t *testing.T) {
			c := newCodes()
			young, old := c.mint(life, nil), c.mint(life, nil)
			time.Sleep(life - time.Nanosecond)
			if err := c.burn(young); err != nil {
				t.Errorf("in time: got %v", err)
			}
			time.Sleep(time.Nanosecond)
			if err := c.burn(old); !errors.Is(err, errWrongCode) {
				t.Errorf("too late: got %v", err)
			}
		})
	}
}

func TestFewCodesWait(t *testing.T) {
	c := newCodes()
	first := c.mint(fileCodeLife, nil)
	var rest []string
	for range maxCodes {
		rest = append(rest, c.mint(fileCodeLife, nil))
	}
	if err := c.burn(first); !errors.Is(err, errWrongCode) {
		t.Errorf("the oldest: got %v", err)
	}
	for _, code := range rest {
		if err := c.burn(code); err != nil {
			t.Errorf("a later one: got %v", err)
		}
	}
}

// TestGuessing: after a few wrong codes one is told to wait, for a minute. Who
// has a right one is not kept out by others' guesses.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCodes()
		for range maxWrong {
			if err := c.burn("guess"); !errors.Is(err, errWrongCode) {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		for range 100 {
			if err := c.burn("guess"); !errors.Is(err, errTooManyWrong) {
				t.Fatalf("got %v", err)
			}
		}
		if err := c.burn(c.mint(fileCodeLife, nil)); err != nil {
			t.Errorf("a right one: got %v", err)
		}
		time.Sleep(wrongEvery)
		if err := c.burn("guess"); !errors.Is(err, errWrongCode) {
			t.Errorf("a minute later: got %v", err)
		}
	})
}

func TestSecretsAreLongAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := secret()
		if len(s) != 43 || strings.ContainsAny(s, "+/=") || seen[s] {
			t.Fatalf("got %q", s)
		}
		seen[s] = true
	}
}

func TestSessionEndsWhereItIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		defer s.endAll()
		token := s.begin(false, "")
		for range 5 {
			time.Sleep(idleLife - time.Nanosecond)
			if s.find(token) == nil {
				t.Fatal("it ended while it was used")
			}
		}
		ctx := s.find(token).ctx
		time.Sleep(idleLife)
		if s.find(token) != nil || ctx.Err() == nil {
			t.Error("it did not end")
		}
	})
}

// TestSessionLastsWhileItsStreamIsOpen, and no longer than the longest.
func TestSessionLastsWhileItsStreamIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		token := s.begin(false, "")
		of := s.find(token)
		end := s.stream(of)
		time.Sleep(10 * time.Hour)
		if s.find(token) == nil {
			t.Fatal("it ended with its stream open")
		}
		end()
		time.Sleep(idleLife - time.Nanosecond)
		if s.find(token) == nil {
			t.Fatal("it ended too soon after its stream")
		}
		end = s.stream(of)
		defer end()
		<-of.ctx.Done() // by itself: nobody looks
		if got := time.Since(of.begun); got != wholeLife {
			t.Errorf("it ended after %s", got)
		}
		if s.find(token) != nil {
			t.Error("it is still there")
		}
	})
}

func TestFewSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSessions()
		defer s.endAll()
		var tokens []string
		for range maxSessions {
			tokens = append(tokens, s.begin(false, ""))
			time.Sleep(time.Second)
		}
		s.find(tokens[0])
		end := s.stream(s.find(tokens[1]))
		defer end()
		time.Sleep(time.Second)
		tokens = append(tokens, s.begin(false, ""))
		for i, token := range tokens {
			if there := s.find(token) != nil; there != (i != 2) {
				t.Errorf("session %d: there %v", i, there)
			}
		}
		if n := len(s.list()); n != maxSessions {
			t.Errorf("got %d", n)
		}
	})
}

func TestSessionIsEnded(t *testing.T) {
	s := newSessions()
	defer s.endAll()
	one, other := s.begin(true, "Firefox"), s.begin(false, "")
	list := s.list()
	if len(list) != 2 || list[0].Browser != "Firefox" || !list[0].ReadOnly {
		t.Fatalf("got %+v", list)
	}
	if !s.end(list[0].ID) || s.end(list[0].ID) || s.end("") {
		t.Error("it is not ended once")
	}
	if s.find(one) != nil || s.find(other) == nil {
		t.Error("another one was ended")
	}
}
