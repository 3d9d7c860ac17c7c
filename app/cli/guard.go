package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"holdfast/app/client"
	"holdfast/service/daemon"
	"holdfast/service/status"
	"holdfast/web/api"
)

// newGuard asks the service about its kill switch. What the service answers is
// told as it is; the guard works in the service, and here only to be opened by
// root where the service does not answer.
func newGuard(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "guard",
		Short: "See and change the guard, which lets nothing leave beside the tunnel",
		Long: `See and change the guard, the kill switch: what the tunnel should carry leaves this
computer through the tunnel or not at all. Its mode is the setting guard:

  auto    while a tunnel is wished for: from up to down, also while none works
  always  also while none is wished for, and from boot on: then nothing leaves at all
  off     never

Only root, or an administrator, may change it; a pause is open to whoever may use the
tunnel.`,
		GroupID: groupSet,
	}
	c.AddCommand(&cobra.Command{
		Use: "status", Short: "Say what the guard does", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			g, err := p.client().Guard(c.Context())
			if err != nil {
				return err
			}
			return p.showGuard(c.Context(), g)
		},
	}, &cobra.Command{
		Use: "on", Short: "Shut it: while a tunnel is wished for, or always where that is set", Args: takes(0, 0),
		Long: `Make the setting guard auto, unless it is always, and end a release or a pause.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.setGuard(c.Context(), api.GuardRequest{Action: api.GuardOn}, "")
		},
	}, &cobra.Command{
		Use: "off", Short: "Turn it off: nothing is ever blocked", Args: takes(0, 0),
		Long: `Make the setting guard off. While no tunnel works, traffic leaves unprotected.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.setGuard(c.Context(), api.GuardRequest{Action: api.GuardOff}, "")
		},
	}, newGuardRelease(p), newGuardPause(p))
	return c
}

func newGuardRelease(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "release", Short: "Let everything pass until the next up or down", Args: takes(0, 0),
		Long: `Let everything pass, unprotected, until the next up or down. The setting stays as it is.

As root this works without the service, too, and it waits for one that is just ending.
All rules and routes that the service left are removed, until
it shuts the guard again when it starts.` + openByHand,
		RunE: func(c *cobra.Command, _ []string) error { return p.releaseGuard(c.Context()) },
	}
}

func newGuardPause(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "pause [DURATION]", Short: "Rest the tunnel and let everything pass for a while, to sign in to a network", Args: takes(0, 1),
		Long: `Put the tunnel to rest and let everything pass, unprotected, for 5 minutes or as long as
is given, up to 1 hour. It ends by itself, also where the service does not run; the
tunnel returns then. "holdfast guard on" ends it sooner.`,
		Example: "  holdfast guard pause\n  holdfast guard pause 90s",
		RunE: func(c *cobra.Command, args []string) error {
			pause := api.DefaultPause
			if len(args) > 0 {
				var err error
				if pause, err = parsePause(args[0]); err != nil {
					return err
				}
			}
			return p.setGuard(c.Context(), api.GuardRequest{Action: api.GuardPause, Seconds: int(pause / time.Second)},
				"The tunnel is at rest, and traffic is not protected. End it sooner with: holdfast guard on")
		},
	}
}

// parsePause reads how long a pause is to be: "5m", "90s", or seconds as "300".
func parsePause(text string) (time.Duration, error) {
	const hint = "such as 30s, 5m or 300 (seconds), up to 1h"
	pause, err := time.ParseDuration(text)
	if seconds, bare := strconv.Atoi(text); bare == nil {
		// Of a number too large for a duration only that it is too large matters.
		pause, err = time.Duration(min(seconds, int(api.LongestPause/time.Second)+1))*time.Second, nil
	}
	switch {
	case err != nil:
		return 0, misused(hint, "%q is no length of time", text)
	case pause < time.Second:
		return 0, misused(hint, "a pause of %s is too short", text)
	case pause > api.LongestPause:
		return 0, misused("for longer there is: holdfast guard release", "a pause of %s is too long: 1h at most", text)
	case pause%time.Second != 0:
		return 0, misused(hint, "a pause is in whole seconds")
	}
	return pause, nil
}

// setGuard asks for a change and tells how the guard is then, and what follows.
func (p *program) setGuard(ctx context.Context, want api.GuardRequest, then string) error {
	g, err := p.client().SetGuard(ctx, want)
	if err != nil {
		return err
	}
	if err := p.showGuard(ctx, g); err != nil {
		return err
	}
	if then != "" && !p.json {
		p.note("%s", then)
	}
	return nil
}

// showGuard tells what the guard does. Whether there is anything for it to do
// depends on the wish.
func (p *program) showGuard(ctx context.Context, g api.Guard) error {
	if p.json {
		return p.object(g)
	}
	s, err := p.client().Status(ctx)
	if err != nil {
		return err
	}
	return p.say("%s\n", printable(guardWords(g.Guard, s.Wish.On, s.At)))
}

// guardWords says what the kill switch does, never more than was read back.
func guardWords(g status.Guard, wished bool, now time.Time) string {
	if g.Mode == "" {
		return ""
	}
	mode := string(g.Mode) + ", "
	switch g.Stand(wished) {
	case status.GuardIsOff:
		return string(g.Mode)
	case status.GuardOpen:
		return mode + "open while no tunnel is wished for"
	case status.GuardBlocking:
		return mode + "shut and verified; no tunnel carries traffic, and none leaves"
	case status.GuardUnverified:
		return mode + "not verified: traffic may not be protected"
	case status.GuardReleased:
		return mode + "released until the next up or down: everything may pass"
	case status.GuardPaused:
		return mode + fmt.Sprintf("paused until %s, %s more: everything may pass", hour(*g.PausedUntil, now), span(g.PausedUntil.Sub(now)))
	default:
		return mode + "shut and verified: nothing leaves beside the tunnel"
	}
}

// hour is a moment of the near future as a person reads it, in the zone of this
// computer; with its seconds where they matter.
func hour(at, now time.Time) string {
	if at.Sub(now) < 2*time.Minute {
		return at.Local().Format("15:04:05")
	}
	return at.Local().Format("15:04")
}

// releaseGuard asks the service to let everything pass. Where it does not
// answer, root does it without.
func (p *program) releaseGuard(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	err := p.setGuard(asking, api.GuardRequest{Action: api.GuardRelease}, "Traffic is not protected. Shut it again with: holdfast guard on")
	if err == nil || !isSilent(err) || ctx.Err() != nil {
		return err
	}
	if !p.root() {
		f := p.explain(err)
		f.message += "\n  only " + mighty + " may open the guard without it"
		f.hint = asRoot("holdfast guard release")
		return f
	}
	p.note("note: %s", printable(p.explain(err).message))
	if err := p.release(ctx, defaultConfigDir, defaultStateDir); err != nil {
		hint := "what to do where nothing else helps: holdfast guard release --help"
		if errors.Is(err, daemon.ErrHeld) {
			hint = "stop it first: holdfast service stop; " + hint
		}
		return failed(err, hint, "open the guard without the service")
	}
	return p.done(map[string]any{"released": true, "service": nil},
		"released: everything may pass, unprotected, until the service starts")
}

// isSilent says that the service gave no answer: it does not run, hangs, or
// somebody else listens in its place.
func isSilent(err error) bool {
	return errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrUntrusted) || errors.Is(err, context.DeadlineExceeded)
}
