package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// stage is a Stage whose active member changes at set times.
type stage struct {
	began  time.Time
	did    []string
	active func(at time.Duration) string
	fails  error
}

func (s *stage) Do(step Step) error {
	s.did = append(s.did, fmt.Sprintf("%s %s", time.Since(s.began), step))
	return s.fails
}

func (s *stage) Now(Subject) string { return s.active(time.Since(s.began)) }

func changesAt(at time.Duration, before, after string) func(time.Duration) string {
	return func(now time.Duration) string {
		if now < at {
			return before
		}
		return after
	}
}

func mustParse(t *testing.T, text string) Script {
	t.Helper()
	s, err := ParseScript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAScriptIsPlayedOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{began: time.Now(), active: changesAt(9*time.Second, "a", "b")}
		var outcomes []Outcome
		script := mustParse(t, "0s expect active a within 1s\n5s break a blackhole\n5s expect active b within 15s\n7s network off\n30s end\n40s network on")
		if err := script.Play(t.Context(), s, func(o Outcome) { outcomes = append(outcomes, o) }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(s.began); took != 30*time.Second {
			t.Errorf("the play took %v, want 30 s", took)
		}
		if want := []string{"5s 5s break a blackhole", "7s 7s network off"}; !slices.Equal(s.did, want) {
			t.Errorf("got %q, want %q", s.did, want)
		}
		if len(outcomes) != 4 {
			t.Fatalf("told of %d steps, want 4", len(outcomes))
		}
		if took := outcomes[3].Took; took < 4*time.Second || took > 4*time.Second+lookEvery {
			t.Errorf("the switch was seen after %v, want 4 s", took)
		}
	})
}

func TestAMissedExpectationIsToldAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{began: time.Now(), active: changesAt(9*time.Second, "a", "b"), fails: errors.New("no")}
		err := mustParse(t, "\n1s expect active b within 3s\n2s network off").Play(t.Context(), s, nil)
		want := "line 3: no\nline 2: active is \"a\" after 3s, not \"b\""
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if took := time.Since(s.began); took != 4*time.Second {
			t.Errorf("the play took %v, want 4 s", took)
		}
	})
}

func TestACancelledPlayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s := &stage{began: time.Now(), active: changesAt(0, "", "a")}
		if err := mustParse(t, "1h end").Play(ctx, s, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the error of the context", err)
		}
		if took := time.Since(s.began); took != 3*time.Second {
			t.Errorf("the play took %v, want 3 s", took)
		}
	})
}
