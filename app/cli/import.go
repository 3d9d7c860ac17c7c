package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
	"holdfast/web/api"
)

func newTunnelImport(p *program) *cobra.Command {
	var name string
	var replace bool
	c := &cobra.Command{
		Use:   "import FILE… [--name NAME] [--replace]",
		Short: "Read .conf files, or a zip archive of them, as tunnels",
		Long: `Read WireGuard .conf files, or zip archives of them, as tunnels. A tunnel is called as
its file, without .conf. The file - is stdin, which needs --name.

All files are checked before any is stored. Scripts (PostUp and the like) are kept and
shown, but never run.`,
		Args: takes(1, many),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"conf", "zip"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			return p.tunnelImport(c.Context(), args, name, replace)
		},
	}
	c.Flags().StringVar(&name, "name", "", "what to call the tunnel, where there is one file")
	c.Flags().BoolVar(&replace, "replace", false, "take the place of tunnels of the same name")
	return c
}

func (p *program) tunnelImport(ctx context.Context, paths []string, name string, replace bool) error {
	docs, err := p.readDocuments(ctx, paths, name, true)
	if err != nil {
		return err
	}
	if problems, faulty := check(docs); faulty > 0 {
		return p.tellFaults(docs, problems, faulty, "nothing was imported")
	}
	for i := range docs {
		p.tellWarnings(&docs[i])
	}
	service := p.client()
	if !replace {
		list, err := service.Tunnels(ctx)
		if err != nil {
			return err
		}
		if err := conflicts(docs, list.Tunnels); err != nil {
			return err
		}
	}
	stored := []api.Tunnel{}
	for _, d := range docs {
		// The text goes as we understood it, in UTF-8, not as it was read.
		t, err := service.ImportTunnel(ctx, api.Import{Name: d.name, Text: d.config.Render(), Overwrite: replace})
		if err != nil {
			if len(stored) > 0 {
				p.note("imported only %s", joined(names(stored)))
			}
			return withHint(err, api.Conflict, "take its place with --replace, or choose another name with --name")
		}
		stored = append(stored, t)
	}
	return p.done(map[string]any{"tunnels": stored}, "imported %s", joined(names(stored)))
}

func names(tunnels []api.Tunnel) []tunnel.Name {
	var out []tunnel.Name
	for _, t := range tunnels {
		out = append(out, t.Name)
	}
	return out
}

// conflicts names all documents whose names are taken, before any is stored.
func conflicts(docs []document, there []api.TunnelSummary) error {
	var taken []string
	for _, d := range docs {
		if slices.ContainsFunc(there, func(t api.TunnelSummary) bool {
			return strings.EqualFold(string(t.Name), string(d.name))
		}) {
			taken = append(taken, string(d.name))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	verb := "is"
	if len(taken) > 1 {
		verb = "are"
	}
	return &failure{
		code:    exitFailed,
		message: fmt.Sprintf("nothing was imported: %s %s there already", joined(taken), verb),
		hint:    "take its place with --replace, or choose another name with --name",
	}
}

// withHint adds a hint to the service's refusal of one kind, where it has none.
func withHint(err error, code api.Code, hint string) error {
	f := explain(err)
	if f.hint == "" && api.CodeOf(err) == code {
		f.hint = hint
	}
	return f
}

func newTunnelCheck(p *program) *cobra.Command {
	return &cobra.Command{
		Use: "check FILE…", Short: "Check .conf files; needs no service", Args: takes(1, many),
		Long: `Check WireGuard .conf files, or zip archives of them, and print every problem with its
line. It needs no service and changes nothing. The exit code is 8 where there are problems.`,
		RunE: func(c *cobra.Command, args []string) error { return p.tunnelCheck(c.Context(), args) },
	}
}

// checked is what check says of one file.
type checked struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Problems []tunnel.Problem `json:"problems"`
	Warnings []tunnel.Warning `json:"warnings"`
}

func (p *program) tunnelCheck(ctx context.Context, paths []string) error {
	docs, err := p.readDocuments(ctx, paths, "", false)
	if err != nil {
		return err
	}
	problems, faulty := check(docs)
	if p.json {
		files := []checked{}
		for _, d := range docs {
			one := checked{File: d.source, Valid: d.config != nil, Problems: d.faults, Warnings: []tunnel.Warning{}}
			if d.config != nil {
				one.Problems = []tunnel.Problem{}
				one.Warnings = append(one.Warnings, d.config.Warnings()...)
			}
			files = append(files, one)
		}
		if err := p.object(map[string]any{"valid": faulty == 0, "files": files}); err != nil {
			return err
		}
		if faulty > 0 {
			return silently(exitInvalid)
		}
		return nil
	}
	for i := range docs {
		if docs[i].config != nil {
			p.tellWarnings(&docs[i])
		}
	}
	if faulty > 0 {
		return p.tellFaults(docs, problems, faulty, "not valid")
	}
	p.note("%s valid", count(len(docs), "file"))
	return nil
}
