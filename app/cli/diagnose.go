package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/web/api"
)

func newDiagnose(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "diagnose",
		Short: "Find out now why the tunnel does not work, step by step",
		Long: `Find out now why the tunnel does not work: every step that was looked at, then the
cause and what to do. It can take half a minute.`,
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

func diagnosisText(d *api.Diagnosis, p paint) string {
	var b strings.Builder
	for _, f := range d.Checks {
		colour := faint
		switch f.Result {
		case "ok":
			colour = green
		case "failed":
			colour = red
		}
		took := ""
		if f.TookMs > 0 {
			took = " (" + (time.Duration(f.TookMs) * time.Millisecond).String() + ")"
		}
		result := p.in(colour, fmt.Sprintf("%-7s", printable(f.Result)))
		line := clip(printable(f.Name+": "+f.Evidence+took), maxWidth-9)
		b.WriteString(result + "  " + strings.TrimRight(line, " ") + "\n")
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
	b.WriteString(wrap(printable(fmt.Sprintf("%s%s [%s]", about, d.Title, *d.Cause)), ""))
	b.WriteString(wrap(printable(d.What), "  ") + wrap(printable(d.Advice), "  → "))
	return b.String()
}
