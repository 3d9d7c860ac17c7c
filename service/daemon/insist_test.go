package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What breaks is watched again, and said to be only when it lasts.
func TestInsist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		runs := 0
		watch := func(ctx context.Context) error {
			if runs++; runs <= 2 {
				return errors.New("no buffer")
			}
			<-ctx.Done()
			return nil
		}
		var told []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			insist(ctx, watch, func(err error) {
				if err == nil {
					told = append(told, "well")
				} else {
					told = append(told, err.Error())
				}
			})
		}()
		time.Sleep(time.Hour)
		stop()
		<-ended
		if len(told) != 3 || told[0] != "no buffer" || told[1] != "no buffer" || told[2] != "well" || runs != 3 {
			t.Errorf("ran %d times and told %q", runs, told)
		}
	})
}
