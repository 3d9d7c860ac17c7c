package main

import (
	"context"

	"github.com/spf13/cobra"

	"holdfast/web/api"
)

// newGuard asks the service about its kill switch. What the service answers is
// told as it is; the guard works in the service, never here.
func newGuard(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "guard",
		Short:   "See and change the guard, which blocks traffic outside the tunnel",
		GroupID: groupSet,
	}
	c.AddCommand(&cobra.Command{
		Use: "status", Short: "Say what the guard does", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			g, err := p.client().Guard(c.Context())
			if err != nil {
				return err
			}
			return p.showGuard(g)
		},
	})
	for _, verb := range []struct {
		do    api.GuardAction
		short string
	}{
		{api.GuardRelease, "Let traffic pass until the next up or down"},
		{api.GuardOn, "Block traffic outside the tunnel while a tunnel is wished for"},
		{api.GuardOff, "Never block traffic"},
	} {
		c.AddCommand(&cobra.Command{
			Use: string(verb.do), Short: verb.short, Args: takes(0, 0),
			RunE: func(c *cobra.Command, _ []string) error { return p.setGuard(c.Context(), verb.do) },
		})
	}
	return c
}

func (p *program) setGuard(ctx context.Context, do api.GuardAction) error {
	g, err := p.client().SetGuard(ctx, api.GuardRequest{Action: do})
	if err != nil {
		return err
	}
	return p.showGuard(g)
}

func (p *program) showGuard(g api.Guard) error {
	if p.json {
		return p.object(g)
	}
	return p.say("%s\n", printable(guardWords(g.Guard)))
}
