package main

import (
	"context"

	"github.com/spf13/cobra"

	"holdfast/web/api"
)

func newLogs(p *program) *cobra.Command {
	var follow bool
	var lines int
	c := &cobra.Command{
		Use:     "logs [-f] [-n LINES]",
		Short:   "Show the service's log; with --json a line is an object",
		GroupID: groupSee,
		Args:    takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if lines < 1 || lines > 10000 {
				return misused("", "-n %d: use a number from 1 to 10000", lines)
			}
			return p.logs(c.Context(), lines, follow)
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on, and print each line as it is written")
	c.Flags().IntVarP(&lines, "lines", "n", 200, "how many of the last lines")
	return c
}

func (p *program) logs(ctx context.Context, lines int, follow bool) error {
	if !follow {
		list, err := p.client().Logs(ctx, lines)
		if err != nil {
			return err
		}
		for _, l := range list.Lines {
			if err := p.showLog(l); err != nil {
				return err
			}
		}
		return nil
	}
	for line, err := range p.client().FollowLogs(ctx, lines) {
		if ctx.Err() != nil {
			return nil // the person interrupted
		}
		if err != nil {
			return err
		}
		if err := p.showLog(line); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) showLog(l api.LogLine) error {
	if p.json {
		l.At = l.At.UTC()
		return p.object(l)
	}
	return p.say("%s  %-5s  %s\n", clock(l.At), l.Level, printable(l.Text))
}
