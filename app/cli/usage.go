package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// verbNeeded marks, for the help, a command that does nothing by itself.
const verbNeeded = "verb needed"

// usage is the template of every help, below the description.
const usage = `Usage:
{{- if not (index .Annotations "` + verbNeeded + `")}}
  {{.UseLine}}
{{- end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}
{{- $commands := .Commands}}
{{- if .Groups}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- else}}

Commands:
{{- range $commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}
{{- end}}{{end}}
{{- end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableSubCommands}}

More about one: {{.CommandPath}} COMMAND --help
{{- end}}
`

// many is no bound on the number of arguments.
const many = -1

// takes checks the number of arguments.
func takes(least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch n := len(args); {
		case n < least && n == 0:
			return errors.New("an argument is missing")
		case n < least:
			return fmt.Errorf("%s needed, %d given", count(least, "argument"), n)
		case most == 0 && n > 0:
			return fmt.Errorf("unexpected argument %q", args[0])
		case most != many && n > most:
			return fmt.Errorf("unexpected argument %q", args[most])
		}
		return nil
	}
}

// needsVerb answers a command that only groups others.
func needsVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		c.SetOut(c.ErrOrStderr())
		if err := c.Help(); err != nil {
			return err
		}
		return silently(exitUsage)
	}
	hint := "see: " + c.CommandPath() + " --help"
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean: " + c.CommandPath() + " " + strings.Join(near, ", ")
	}
	return misused(hint, "unknown command %q for %q", args[0], c.CommandPath())
}

// strictHelp refuses help for what is no command, which would be that of the
// command before it.
func strictHelp(root *cobra.Command) {
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err) // it is there
	}
	show := help.Run
	help.Run = nil
	help.RunE = func(c *cobra.Command, args []string) error {
		if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
			return misused("see: holdfast --help", "there is no command %q", strings.Join(args, " "))
		}
		show(c, args)
		return nil
	}
}

// flagError says which flag was meant, where one comes close.
func flagError(c *cobra.Command, err error) error {
	hint := "see: " + c.CommandPath() + " --help"
	if wrong, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return misused(hint, "--%s cannot be %q: it takes %s", wrong.GetFlag().Name, wrong.GetValue(), takesValue[wrong.GetFlag().Value.Type()])
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := nearestFlag(c, unknown.GetSpecifiedName()); near != "" {
			hint = "did you mean: --" + near
		}
	}
	return misused(hint, "%s", err)
}

// takesValue says what a flag takes, by the name of its type.
var takesValue = map[string]string{
	"uint16":   "a whole number from 0 to 65535",
	"int":      "a whole number",
	"int64":    "a whole number",
	"bool":     "true or false",
	"duration": "a time such as 30s or 5m",
}

// nearestFlag is the flag of c whose name is at most two edits from name, or "".
func nearestFlag(c *cobra.Command, name string) string {
	best, least := "", 3
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		d := edits(name, f.Name)
		if len(name) > 1 && strings.HasPrefix(f.Name, name) {
			d = min(d, 1)
		}
		if d < least {
			best, least = f.Name, d
		}
	})
	return best
}

// edits is how many letters must be changed, added or left out to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
