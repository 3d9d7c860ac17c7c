package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// walk visits every command that the help shows.
func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			walk(sub, visit)
		}
	}
}

// TestHelp holds the help of every command: it is what a person reads first, and
// its flags and arguments are a contract.
func TestHelp(t *testing.T) {
	const golden = "testdata/help.golden"
	var all bytes.Buffer
	walk(newRoot(&program{env: func(string) string { return "" }}), func(c *cobra.Command) {
		if c.Name() == "demo" {
			return // tells of faults that are no part of this contract
		}
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		all.WriteString("$ holdfast " + strings.Join(args, " ") + "\n")
		p := &program{out: &all, err: &all, env: func(string) string { return "" }}
		if code := p.run(context.Background(), args); code != exitDone {
			t.Errorf("%s: got exit code %d", c.CommandPath(), code)
		}
		all.WriteString("\n")
	})
	for line := range strings.Lines(all.String()) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > maxWidth || strings.TrimRight(line, " ") != line {
			t.Errorf("got a line that is too long or ends in a space: %q", line)
		}
	}
	const before = "it shuts the guard again when it starts."
	got := strings.Replace(all.String(), before+openByHand, before+" (Each system has its own way by hand.)", 1)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the help changed (-want +got); where that is meant: go test ./app/cli -run TestHelp -update\n%s", diff)
	}
}

// TestEveryCommandIsSettled finds commands that would accept any argument, or
// that have no place in the help.
func TestEveryCommandIsSettled(t *testing.T) {
	root := newRoot(&program{env: func(string) string { return "" }})
	walk(root, func(c *cobra.Command) {
		if c.Args == nil || !c.Runnable() || c.Short == "" {
			t.Errorf("%s: got no check of its arguments, no action or no short description", c.CommandPath())
		}
		if c.Parent() == root && c.GroupID == "" {
			t.Errorf("%s: got no group in the help", c.CommandPath())
		}
	})
}
