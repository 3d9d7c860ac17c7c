package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// completionWait is how long a shell waits for names. After it there are none.
const completionWait = 200 * time.Millisecond

func newCompletion(p *program) *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash":       func(c *cobra.Command) error { return c.GenBashCompletionV2(p.out, true) },
		"zsh":        func(c *cobra.Command) error { return c.GenZshCompletion(p.out) },
		"fish":       func(c *cobra.Command) error { return c.GenFishCompletion(p.out, true) },
		"powershell": func(c *cobra.Command) error { return c.GenPowerShellCompletionWithDesc(p.out) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script for a shell",
		Example: `  holdfast completion bash > /etc/bash_completion.d/holdfast
  holdfast completion zsh > "${fpath[1]}/_holdfast"
  holdfast completion fish > ~/.config/fish/completions/holdfast.fish
  holdfast completion powershell >> $PROFILE`,
		GroupID:   groupOther,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(takes(1, 1), cobra.OnlyValidArgs),
		RunE:      func(c *cobra.Command, args []string) error { return written(shells[args[0]](c.Root())) },
	}
}

// A lister gives names that an argument may be.
type lister func(ctx context.Context) ([]string, error)

// complete offers the names of a lister that are not yet among the arguments,
// for the arguments from the first up to (not including) the end. end 0: all.
// It is silent where the service is not there.
func complete(end int, lists ...lister) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if end > 0 && len(args) >= end {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(contextOf(c)), completionWait)
		defer cancel()
		var names []string
		for _, list := range lists {
			more, err := list(ctx)
			if err != nil {
				continue
			}
			names = append(names, more...)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(args, n) })
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}

// contextOf is the command's context; while completing a command may have none.
func contextOf(c *cobra.Command) context.Context {
	if ctx := c.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func (p *program) tunnelNames(ctx context.Context) ([]string, error) {
	list, err := p.client().Tunnels(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range list.Tunnels {
		names = append(names, string(t.Name))
	}
	return names, nil
}

func (p *program) groupNames(ctx context.Context) ([]string, error) {
	list, err := p.client().Groups(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range list.Groups {
		names = append(names, string(g.Name))
	}
	return names, nil
}

// memberNames are the members of the target, which switch may choose from.
func (p *program) memberNames(ctx context.Context) ([]string, error) {
	s, err := p.client().Status(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range s.Members {
		names = append(names, string(m.Tunnel))
	}
	return names, nil
}

func (p *program) settingKeys(ctx context.Context) ([]string, error) {
	s, err := p.client().Settings(ctx)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, setting := range s.Settings {
		keys = append(keys, setting.Key)
	}
	return keys, nil
}
