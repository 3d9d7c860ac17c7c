package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/web/api"
)

// newSettings reads and changes the settings that rule health and failover.
func newSettings(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "settings",
		Short:   "Read and change the settings",
		GroupID: groupSet,
	}
	c.AddCommand(&cobra.Command{
		Use: "get [KEY]", Short: "Print all settings, or the value of one", Args: takes(0, 1),
		ValidArgsFunction: complete(1, p.settingKeys),
		RunE: func(c *cobra.Command, args []string) error {
			return p.settingsGet(c.Context(), args)
		},
	}, &cobra.Command{
		Use: "set KEY=VALUE…", Short: "Change settings: all that are given, or none", Args: takes(1, many),
		Example: "  holdfast settings set profile=classic traffic_timeout=30s",
		ValidArgsFunction: func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			keys, _ := complete(0, p.settingKeys)(c, args, word)
			for i := range keys {
				keys[i] += "="
			}
			return keys, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		RunE: func(c *cobra.Command, args []string) error {
			return p.settingsSet(c.Context(), args)
		},
	})
	return c
}

func (p *program) settingsGet(ctx context.Context, args []string) error {
	all, err := p.client().Settings(ctx)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return p.showSettings(all)
	}
	var keys []string
	for _, s := range all.Settings {
		if s.Key == args[0] {
			if p.json {
				return p.object(s)
			}
			return p.say("%s\n", printable(s.Value))
		}
		keys = append(keys, s.Key)
	}
	return noSetting(args[0], keys)
}

// noSetting names the key that comes nearest.
func noSetting(key string, keys []string) error {
	hint := "see all: holdfast settings get"
	least := 4
	for _, k := range keys {
		if d := edits(key, k); d < least {
			least, hint = d, "did you mean: "+k
		}
	}
	return &failure{code: exitNotFound, message: "there is no setting " + key, hint: hint}
}

// longValue is how much of a value the list of all shows.
const longValue = 14

func (p *program) showSettings(all api.Settings) error {
	if p.json {
		return p.object(all)
	}
	rows := [][]string{{"setting", "value", "default", "may be"}}
	for _, s := range all.Settings {
		rows = append(rows, []string{s.Key, orDash(clip(printable(s.Value), longValue)), orDash(clip(s.Default, longValue)), mayBe(s)})
	}
	return p.say("%s", table(rows))
}

// mayBe says what values a setting takes.
func mayBe(s api.Setting) string {
	words := strings.Join(s.Choices, ", ")
	if s.Min != "" || s.Max != "" {
		span := s.Min + " to " + s.Max
		if words != "" {
			span += ", or " + words
		}
		return span
	}
	return words
}

func (p *program) settingsSet(ctx context.Context, args []string) error {
	set := make(map[string]string, len(args))
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return misused("write it as KEY=VALUE, such as profile=classic", "%q is no setting with a value", arg)
		}
		if _, again := set[key]; again {
			return misused("give it once", "%s is given twice", key)
		}
		set[key] = value
	}
	all, err := p.client().SetSettings(ctx, set)
	if err != nil {
		return withHint(err, api.Invalid, "see what each may be: holdfast settings get")
	}
	if p.json {
		return p.object(all)
	}
	for _, s := range all.Settings {
		if _, changed := set[s.Key]; changed {
			p.note("%s is now %s", s.Key, printable(s.Value))
		}
	}
	return nil
}
