package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/service/failover"
	"holdfast/service/guard"
	"holdfast/service/guardset"
	"holdfast/service/library"
	"holdfast/service/netcfg"
	"holdfast/service/tunnel"
	"holdfast/store"
)

// Seal shuts the guard as the wish and the settings on disk ask for, and ends:
// it is run before the network comes up, and the service adopts what is in force.
// It needs neither the history nor a disk that can be written. Where a service
// runs already, that one keeps the guard, and Seal does nothing.
//
// What cannot be read is held against us: the guard is then shut for everything,
// unless its mode is known to be off.
func Seal(ctx context.Context, opt Options) error {
	opt = opt.withDefaults()
	manager := netcfg.New(netcfg.Options{StateDir: opt.StateDir, Log: opt.Log})
	release, err := manager.Claim()
	if errors.Is(err, netcfg.ErrClaimed) {
		opt.Log.Info("a service runs and keeps the guard")
		return nil
	}
	if err != nil {
		// Whoever is in the way: a guard that is shut twice is shut.
		opt.Log.Warn("whether a service runs is not known", "err", err)
		release = func() {}
	}
	defer release()
	set := guardset.For(situation(opt))
	opt.Log.Info("guard", "set", string(set.Kind), "everything", set.All())
	if !set.Shut() {
		return nil
	}
	g := guard.New(guard.Options{Interface: opt.Interface, Mark: mark, Log: opt.Log})
	err = errors.Join(
		layer("firewall", g.Set(ctx, set)),
		layer("routes", manager.Seal(ctx, set.Carry, mark)),
	)
	return errors.Join(err, g.Close())
}

// clockEvery is how often SealAfter looks at the clock on the wall: no timer sees
// that the computer slept.
const clockEvery = 10 * time.Second

// SealAfter waits, by the clock on the wall, and then does what Seal does, unless
// the guard was opened meanwhile. It ends a pause that has outlived its service.
func SealAfter(ctx context.Context, opt Options, wait time.Duration) error {
	if err := passTime(ctx, wait); err != nil {
		return err
	}
	if shut, err := guard.Present(); err == nil && !shut {
		return nil
	}
	return Seal(ctx, opt)
}

// passTime waits by the clock on the wall.
func passTime(ctx context.Context, wait time.Duration) error {
	end := time.Now().Round(0).Add(wait)
	for left := wait; left > 0; left = end.Sub(time.Now().Round(0)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(left, clockEvery)):
		}
	}
	return nil
}

// layer says which of the guard's two layers an error is of. The other one is
// put in force all the same.
func layer(name string, err error) error {
	if err != nil {
		return fmt.Errorf("shut the guard's %s: %w", name, err)
	}
	return nil
}

// situation is what the folders say of how the guard is to be while there is no
// service.
func situation(opt Options) guardset.Situation {
	unknown := guardset.Situation{Mode: failover.GuardAuto, Wish: guardset.WishUnknown, State: tunnel.Down}
	lib, err := library.Look(opt.ConfigDir)
	if err != nil {
		opt.Log.Error("the settings cannot be read", "err", err)
		if mode, err := library.GuardSetting(opt.ConfigDir); err == nil {
			unknown.Mode = mode
		}
		return unknown
	}
	policy := lib.Policy()
	unknown.Mode, unknown.LAN = policy.Guard, policy.AllowLAN
	wish, err := store.NewWishFile(opt.StateDir).Load()
	if err != nil {
		opt.Log.Error("the wish cannot be read", "err", err)
		return unknown
	}
	known := unknown
	known.Wish = guardset.WishOf(wish.On, false)
	if wish.On {
		known.Scope = scopeOf(lib, wish.Target)
	}
	return known
}
