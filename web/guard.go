package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"holdfast/service/failover"
	"holdfast/service/status"
	"holdfast/web/api"
)

func (s *server) guard(w http.ResponseWriter, _ *http.Request) error {
	return ok(w, api.Guard{Schema: api.Schema, Guard: s.Engine.Status().Guard})
}

// setGuard shuts or opens the guard, for good or for a while.
func (s *server) setGuard(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody[api.GuardRequest](w, r, smallBody)
	if err != nil {
		return err
	}
	pause, err := pauseOf(body)
	if err != nil {
		return err
	}
	v := visitOf(r)
	v.object = string(body.Action)
	if pause > 0 {
		v.object += " " + pause.String()
	}
	now, mode := s.Engine.Status(), s.Library.Policy().Guard
	if v.caller.Role < Admin && !operatorMay(body.Action, mode, now.Guard) {
		return s.denied(v.caller, Admin)
	}
	if body.Action == api.GuardPause && !now.Wish.On && !now.Guard.Blocking {
		return refuse(api.Conflict, "No tunnel is wanted and nothing is blocked, so there is nothing to pause.", "")
	}
	// First, since an engine without a guard refuses: then nothing is kept.
	if err := s.Engine.SetGuard(r.Context(), body.Action, pause); err != nil {
		return err
	}
	if next := modeAfter(body.Action, mode, now.Guard); next != mode {
		if _, err := s.Library.SetSettings(map[string]string{"guard": string(next)}); err != nil {
			return err
		}
		s.tellEngine(r.Context(), "")
	}
	s.awaitGuard(r.Context())
	return s.guard(w, r)
}

// guardWait bounds the wait for rules to be read back: a change takes
// milliseconds, and what takes longer is told as it is.
const guardWait = 3 * time.Second

// awaitGuard waits until the guard is what it was asked to be, so that the reply
// does not tell of the moment before.
func (s *server) awaitGuard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, guardWait)
	defer cancel()
	pictures, end := s.Engine.Subscribe()
	defer end()
	for {
		if now := s.Engine.Status(); now.Guard.Stand(now.Wish.On) != status.GuardUnverified {
			return
		}
		select {
		case <-pictures:
		case <-ctx.Done():
			return
		}
	}
}

// pauseOf is how long a request wants the guard paused: 0 where it asks for
// something else.
func pauseOf(body api.GuardRequest) (time.Duration, error) {
	switch body.Action {
	case api.GuardOn, api.GuardOff, api.GuardRelease:
		if body.Seconds != 0 {
			return 0, refuse(api.Invalid, "Only a pause takes seconds.", "")
		}
		return 0, nil
	case api.GuardPause:
		pause := time.Duration(body.Seconds) * time.Second
		if body.Seconds == 0 {
			pause = api.DefaultPause
		}
		if longest := int(api.LongestPause / time.Second); body.Seconds < 0 || body.Seconds > longest {
			return 0, refuse(api.Invalid, fmt.Sprintf("A pause lasts from 1 to %d seconds.", longest),
				"For longer there is: holdfast guard release")
		}
		return pause, nil
	default:
		return 0, refuse(api.Invalid, "The action must be on, off, release or pause.", "")
	}
}

// operatorMay says that an operator may do this too: pause, which ends by
// itself, and end a pause. Anything else decides what may leave the computer
// unprotected for longer, or undoes what an administrator decided.
func operatorMay(do api.GuardAction, mode failover.Guard, now status.Guard) bool {
	switch do {
	case api.GuardPause:
		return true
	case api.GuardOn:
		return !now.Released && modeAfter(do, mode, now) == mode
	default:
		return false
	}
}

// modeAfter is the setting that an action leads to. The end of a pause leaves it
// as it was, also where it is off.
func modeAfter(do api.GuardAction, mode failover.Guard, now status.Guard) failover.Guard {
	switch {
	case do == api.GuardOff:
		return failover.GuardOff
	case do == api.GuardOn && mode == failover.GuardOff && now.PausedUntil == nil:
		return failover.GuardAuto
	default:
		return mode
	}
}
