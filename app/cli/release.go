package main

import (
	"context"

	"holdfast/service/daemon"
)

// releaseAlone opens the guard without the service: it removes what one left in
// the kernel that has its things in these folders. errors.ErrUnsupported: this
// system has no guard.
func releaseAlone(ctx context.Context, config, state string) error {
	return daemon.Release(ctx, daemon.Options{ConfigDir: config, StateDir: state})
}
