package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// newNotices shows what a person should know now.
func newNotices(p *program) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:     "notices [--all]",
		Short:   "Show what you should know now, and what to do about it",
		GroupID: groupSee,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.notices(c.Context(), all) },
	}
	c.Flags().BoolVar(&all, "all", false, "also those that are over")
	c.AddCommand(&cobra.Command{
		Use: "ack ID…", Short: "Say that you have seen a notice", Args: takes(1, many),
		RunE: func(c *cobra.Command, args []string) error { return p.ackNotices(c.Context(), args) },
	})
	return c
}

func (p *program) notices(ctx context.Context, all bool) error {
	list, err := p.client().Notices(ctx, all)
	if err != nil {
		return err
	}
	if p.json {
		return p.object(list)
	}
	if len(list.Notices) == 0 {
		p.note("there is nothing you should know")
	}
	now := time.Now()
	for i, n := range list.Notices {
		text := renderNotice(n, now, p.paintFor(p.out))
		if i > 0 {
			text = "\n" + text
		}
		if !n.ClearedAt.IsZero() {
			text += "  over since " + clock(n.ClearedAt) + "\n"
		}
		if err := p.say("%s  id %d\n", text, n.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) ackNotices(ctx context.Context, args []string) error {
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id <= 0 {
			return misused("see the ids: holdfast notices", "%q is no id of a notice", arg)
		}
		ids = append(ids, id)
	}
	service := p.client()
	for _, id := range ids {
		if err := service.AckNotice(ctx, id); err != nil {
			return err
		}
	}
	return p.done(map[string]any{"acknowledged": ids}, "acknowledged")
}
