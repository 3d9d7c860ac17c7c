package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/app/notify"
)

// hanging is a page whose browser never comes.
type hanging struct{}

func (hanging) OpenNotice(ctx context.Context, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) Run(context.Context) error { return nil }

// TestWhatTakesTooLongIsTold: also where nobody listens at the moment it is over.
func TestWhatTakesTooLongIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &tray{page: hanging{}, notes: notify.NewDesk(), settled: make(chan outcome)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tr.carryOut(ctx, Command{Verb: Open})
		time.Sleep(actWait + time.Second)
		synctest.Wait()
		select {
		case o := <-tr.settled:
			if !errors.Is(o.err, context.DeadlineExceeded) || o.command.Verb != Open {
				t.Errorf("got %+v", o)
			}
		default:
			t.Error("nothing came of it")
		}
		tr.carryOut(ctx, Command{Verb: Open})
		cancel()
		tr.workers.Wait() // who quits need not listen
	})
}
