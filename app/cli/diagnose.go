package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/service/event"
	"holdfast/web/api"
)

func newDiagnose(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "diagnose",
		Short: "Find out now why the tunnel does not work, step by step",
		Long: `Find out now why the tunnel does not work: everything that was looked at, from the
network below up to what lies behind the server, then the cause and what to do. It takes
a few seconds. Web pages are asked only where the settings allow it and the tunnel does
not work.`,
		GroupID: groupSee,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.diagnose(c.Context()) },
	}
}

func (p *program) diagnose(ctx context.Context) error {
	d, err := p.client().Diagnose(ctx)
	if err != nil {
		return err
	}
	if p.json {
		return p.object(d)
	}
	return p.say("%s", diagnosisText(&d, p.paintFor(p.out)))
}

// diagnosisText is what was looked at, and what it comes to.
func diagnosisText(d *api.Diagnosis, p paint) string {
	var b strings.Builder
	for _, f := range d.Checks {
		b.WriteString(checkText(f, p))
	}
	if len(d.Checks) > 0 {
		b.WriteByte('\n')
	}
	about := ""
	if d.Tunnel != "" {
		about = string(d.Tunnel) + " is " + string(d.Verdict) + ": "
	}
	if d.Cause == nil || *d.Cause == "" {
		title := d.Title
		if title == "" {
			title = "nothing is wrong"
		}
		return b.String() + wrap(printable(about+title), "")
	}
	sure := "likely"
	if d.Certain {
		sure = "certain"
	}
	b.WriteString(wrap(printable(fmt.Sprintf("%s%s [%s, %s]", about, d.Title, *d.Cause, sure)), ""))
	b.WriteString(wrap(printable(d.What), "  ") + wrap(printable(d.Evidence), "  ") + wrap(printable(d.Advice), "  → "))
	for _, c := range d.Others {
		b.WriteString(wrap(printable(fmt.Sprintf("Seen as well: %s [%s]", event.Describe(event.Code(c)).Title, c)), "  "))
	}
	return b.String()
}

// checkText is the line of one check.
func checkText(f api.Finding, p paint) string {
	colour := faint
	switch f.Result {
	case "ok":
		colour = green
	case "failed":
		colour = red
	}
	took := ""
	if f.TookMs > 0 {
		took = fmt.Sprintf(" (%d ms)", f.TookMs)
	}
	result := p.in(colour, fmt.Sprintf("%-7s", printable(f.Result)))
	line := clip(printable(f.Name+": "+f.Evidence+took), maxWidth-9)
	return result + "  " + strings.TrimRight(line, " ") + "\n"
}
