package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lookEvery is how often expectations are compared with what is.
const lookEvery = 50 * time.Millisecond

// Stage is where a script is played.
type Stage interface {
	// Do carries out a step other than expect and end.
	Do(Step) error
	// Now returns what the subject is at this moment, "" for none.
	Now(Subject) string
}

// Outcome is how a step went.
type Outcome struct {
	Step Step
	// Took is how long after its time the expectation was met.
	Took time.Duration
	// Err is nil where the step was carried out, or the expectation met in time.
	Err error
}

// Play carries a script out and returns when it is over: after its end or, where
// it has none, its last step, and not before each expectation has been met or
// missed. An expectation does not hold up the steps that follow it. Told hears
// of each step when it has gone well or badly, in the goroutine that called
// Play. The error joins what went wrong; a cancelled context ends the play with
// its error.
func (s Script) Play(ctx context.Context, stage Stage, told func(Outcome)) error {
	p := play{stage: stage, told: told, began: time.Now()}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Since(p.began)
		for len(s) > 0 && s[0].At <= now && !p.ended {
			p.begin(s[0])
			s = s[1:]
		}
		p.look(now)
		if len(p.waiting) == 0 && (p.ended || len(s) == 0) {
			return errors.Join(p.errs...)
		}
		wait := lookEvery
		if len(p.waiting) == 0 {
			wait = s[0].At - now
		} else if len(s) > 0 && !p.ended {
			wait = min(wait, s[0].At-now)
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return errors.Join(append(p.errs, ctx.Err())...)
		case <-timer.C:
		}
	}
}

type play struct {
	stage   Stage
	told    func(Outcome)
	began   time.Time
	waiting []Step
	ended   bool
	errs    []error
}

func (p *play) begin(step Step) {
	switch step.Verb {
	case VerbExpect:
		p.waiting = append(p.waiting, step)
	case VerbEnd:
		p.ended = true
	default:
		p.tell(Outcome{Step: step, Err: p.stage.Do(step)})
	}
}

// look settles the expectations that are met or have run out of time.
func (p *play) look(now time.Duration) {
	left := p.waiting[:0]
	for _, step := range p.waiting {
		is, took := p.stage.Now(step.Subject), now-step.At
		switch {
		case is == step.Want:
			p.tell(Outcome{Step: step, Took: took})
		case took >= step.Within:
			p.tell(Outcome{Step: step, Took: took, Err: fmt.Errorf("%s is %q after %s, not %q", step.Subject, is, step.Within, step.Want)})
		default:
			left = append(left, step)
		}
	}
	p.waiting = left
}

func (p *play) tell(o Outcome) {
	if o.Err != nil {
		p.errs = append(p.errs, fmt.Errorf("line %d: %w", o.Step.Line, o.Err))
	}
	if p.told != nil {
		p.told(o)
	}
}
