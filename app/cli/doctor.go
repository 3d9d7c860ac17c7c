package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/app/client"
	"holdfast/build/version"
	"holdfast/web/api"
)

// result is what a check came to. The strings are printed as JSON: they never change.
type result string

// The results. A warning is no failure: Holdfast works, though not at its best.
const (
	passed  result = "ok"
	warned  result = "warning"
	broken  result = "failed"
	skipped result = "skipped" // it could not be looked at, or has no meaning here
)

// finding is what doctor found out about one thing.
type finding struct {
	Name   string `json:"name"`
	Result result `json:"result"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// doctorWait is how long doctor waits for the service; without an answer it
// goes on with the other checks.
const doctorWait = 3 * time.Second

func newDoctor(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check what Holdfast needs of this computer; needs no service",
		Long: `Check what Holdfast needs of this computer and say what passes and what fails. It needs
no service and changes nothing. The exit code is 1 where a check failed.`,
		GroupID: groupService,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
	}
}

func (p *program) doctor(ctx context.Context) error {
	findings := append(p.serviceFindings(ctx), systemFindings()...)
	failures := 0
	for _, f := range findings {
		if f.Result == broken {
			failures++
		}
	}
	if p.json {
		if err := p.object(map[string]any{"passed": failures == 0, "checks": findings}); err != nil {
			return err
		}
		if failures > 0 {
			return silently(exitFailed)
		}
		return nil
	}
	if err := p.say("%s", doctorText(findings, p.paintFor(p.out))); err != nil {
		return err
	}
	if failures > 0 {
		return failed(nil, "", "%s failed", count(failures, "check"))
	}
	return nil
}

func doctorText(findings []finding, p paint) string {
	var b strings.Builder
	colours := map[result]string{passed: green, warned: yellow, broken: red, skipped: faint}
	for _, f := range findings {
		line := strings.TrimRight(clip(printable(f.Name+": "+f.Detail), maxWidth-9), " ")
		b.WriteString(p.in(colours[f.Result], fmt.Sprintf("%-7s", f.Result)) + "  " + line + "\n")
		b.WriteString(wrap(printable(f.Hint), "         → "))
	}
	return b.String()
}

// serviceFindings asks the service who it is, which also tries the socket.
func (p *program) serviceFindings(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	service := p.client()
	v, err := service.Version(ctx)
	if err != nil {
		f := p.explain(err)
		return []finding{
			{Name: "service", Result: broken, Detail: f.message, Hint: f.hint},
			{Name: "version", Result: skipped, Detail: "the service does not answer"},
			{Name: "rights", Result: skipped, Detail: "the service does not answer"},
		}
	}
	return []finding{
		{Name: "service", Result: passed, Detail: "it answers on " + service.Socket()},
		versionFinding(v), rightsFinding(ctx, service),
	}
}

func versionFinding(v api.Version) finding {
	if v.Version == version.Version && v.Commit == version.Commit {
		return finding{Name: "version", Result: passed, Detail: "program and service are both " + version.String()}
	}
	return finding{
		Name: "version", Result: warned,
		Detail: fmt.Sprintf("this program is %s, the service %s (%s)", version.String(), v.Version, v.Commit),
		Hint:   "after an upgrade restart the service: holdfast service stop, then start",
	}
}

// rightsFinding sees whether the service tells the person all.
func rightsFinding(ctx context.Context, service *client.Client) finding {
	s, err := service.Status(ctx)
	switch {
	case errors.Is(err, api.ErrNotPermitted) || err == nil && s.Limited:
		return finding{Name: "rights", Result: warned, Detail: "you may see the overall state only", Hint: hintGroup}
	case err != nil:
		return finding{Name: "rights", Result: broken, Detail: explain(err).message, Hint: explain(err).hint}
	default:
		return finding{Name: "rights", Result: passed, Detail: "you may see and use the tunnels"}
	}
}
