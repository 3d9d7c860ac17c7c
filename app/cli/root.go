package main

import (
	"context"

	"github.com/spf13/cobra"
)

// run carries out one command and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := newRoot(p)
	root.SetArgs(args)
	return p.report(root.ExecuteContext(ctx))
}

// The groups under which the help lists the commands.
const (
	groupUse     = "use"
	groupSet     = "set"
	groupSee     = "see"
	groupService = "service"
	groupOther   = "other"
)

func init() {
	// The help lists commands in the order in which they were added. Cobra has
	// this switch for the whole program only.
	cobra.EnableCommandSorting = false
}

// newRoot puts the command line together.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "holdfast",
		Short: "Keep WireGuard tunnels working",
		Long: `Holdfast keeps this computer's WireGuard tunnels working: it notices when a tunnel
carries nothing, says why, moves to one that works, and moves back when that is safe.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not protected (status --check only),
4 not permitted, 5 service unreachable, 6 timed out, 7 not found, 8 invalid config.`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	flags := root.PersistentFlags()
	flags.StringVar(&p.socket, "socket", "", "`path` of the service's socket (default: $HOLDFAST_SOCKET, else the system's)")
	flags.BoolVar(&p.json, "json", false, "print JSON: one object, or one a line for streams")
	root.AddGroup(
		&cobra.Group{ID: groupUse, Title: "Use a tunnel:"},
		&cobra.Group{ID: groupSet, Title: "Say what there is:"},
		&cobra.Group{ID: groupSee, Title: "See what happened:"},
		&cobra.Group{ID: groupService, Title: "Look after the service:"},
		&cobra.Group{ID: groupOther, Title: "More:"},
	)
	for _, newCommand := range commands {
		root.AddCommand(newCommand(p))
	}
	root.SetHelpCommandGroupID(groupOther)
	root.InitDefaultHelpCmd()
	strictHelp(root)
	root.SetUsageTemplate(usage)
	settle(root)
	return root
}

// commands are all commands in the order of the help. A further one is one more
// line here.
var commands = []func(*program) *cobra.Command{
	newStatus, newUp, newDown, newReconnect, newSwitch, newDemo,
	newTunnel, newGroup, newSettings, newGuard,
	newHistory, newEvents, newNotices, newDiagnose, newLogs,
	newService, newDoctor, newBundle,
	newOpen, newWeb, newKeys, newCompletion, newVersion, newMan,
}

// settle gives every command what all have in common: usage errors with a
// suggestion, and an answer to a command without its verb.
func settle(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	c.Flags().SortFlags = false
	c.SetFlagErrorFunc(flagError)
	if c.HasSubCommands() && !c.Runnable() {
		c.Annotations = map[string]string{verbNeeded: "yes"}
		c.Args = cobra.ArbitraryArgs
		c.RunE = needsVerb
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				hint := "usage: " + c.UseLine()
				if c.Flags().Changed("wait") {
					hint = "a time is written with its flag: --wait=30s"
				}
				return misused(hint, "%s", err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		settle(sub)
	}
}
