package main

import (
	"context"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"holdfast/build/version"
	"holdfast/web/api"
)

// versionWait is how long version waits for the service: long enough for an
// answer on the same computer, short enough not to be noticed without one.
const versionWait = time.Second

func newVersion(p *program) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program and of the service",
		GroupID: groupOther,
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.version(c.Context()) },
	}
}

// version works without the service; its version is then missing.
func (p *program) version(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, versionWait)
	defer cancel()
	service, err := p.client().Version(ctx)
	if p.json {
		var answered *api.Version
		if err == nil {
			answered = &service
		}
		return p.object(struct {
			Version string       `json:"version"`
			Commit  string       `json:"commit"`
			Go      string       `json:"go"`
			Service *api.Version `json:"service"` // null: it does not answer
		}{version.Version, version.Commit, runtime.Version(), answered})
	}
	if err := p.say("holdfast %s, %s\n", version.String(), runtime.Version()); err != nil {
		return err
	}
	if err != nil {
		p.note("the service does not answer")
		return nil
	}
	if err := p.say("holdfastd %s (%s), %s\n", printable(service.Version), printable(service.Commit), printable(service.Go)); err != nil {
		return err
	}
	if service.Version != version.Version || service.Commit != version.Commit {
		p.note("hint: the two are not of the same build; restart the service after an upgrade")
	}
	return nil
}
