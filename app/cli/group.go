package main

import (
	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
)

// newGroup lists and changes groups.
func newGroup(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "group",
		Short:   "List, set and remove groups of tunnels",
		GroupID: groupSet,
	}
	c.AddCommand(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the groups", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := p.client().Groups(c.Context())
			if err != nil {
				return err
			}
			if p.json {
				return p.object(list)
			}
			if len(list.Groups) == 0 {
				p.note("there is no group yet; hint: holdfast group set NAME MEMBER…")
				return nil
			}
			rows := [][]string{{"group", "members, in order of preference"}}
			for _, g := range list.Groups {
				rows = append(rows, []string{string(g.Name), joined(g.Members)})
			}
			return p.say("%s", table(rows))
		},
	}, &cobra.Command{
		Use: "set NAME MEMBER…", Short: "Make a group, or give it other members; the first is the primary",
		Args: takes(2, many),
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return complete(1, p.groupNames)(c, args, word)
			}
			return complete(0, p.tunnelNames)(c, args, word)
		},
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			list, err := p.client().SetGroup(c.Context(), names[0], names[1:])
			if err != nil {
				return err
			}
			if p.json {
				return p.object(list)
			}
			p.note("%s is %s", names[0], joined(names[1:]))
			return nil
		},
	}, &cobra.Command{
		Use: "rm NAME…", Short: "Remove groups; their tunnels stay", Args: takes(1, many),
		ValidArgsFunction: complete(0, p.groupNames),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := parseNames(args)
			if err != nil {
				return err
			}
			service := p.client()
			removed := []tunnel.Name{}
			for _, name := range names {
				if err := service.RemoveGroup(c.Context(), name); err != nil {
					if len(removed) > 0 {
						p.note("removed %s", joined(removed))
					}
					return err
				}
				removed = append(removed, name)
			}
			return p.done(map[string]any{"removed": removed}, "removed %s", joined(removed))
		},
	})
	return c
}
