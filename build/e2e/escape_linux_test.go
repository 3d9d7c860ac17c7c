package e2e

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestWayOutByHand does what the README says for a computer that keeps everything
// in while nothing of Holdfast works any more, to the letter.
func TestWayOutByHand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```\nsudo nft delete table inet holdfast\n")
	block, _, ended := strings.Cut("sudo nft delete table inet holdfast\n"+block, "```")
	if !found || !ended {
		t.Fatal("the README has no block that begins with the deletion of the table")
	}
	w := newWorld(t, "a")
	s := w.service()
	s.cli("settings", "set", "guard=always")
	s.kill()
	if out, err := w.try(w.client, programs.holdfastd, "seal", "--config-dir", s.config, "--state-dir", s.state); err != nil {
		t.Fatalf("seal: %v\n%s", err, out)
	}
	gets := func() bool {
		_, err := w.try(w.client, "ping", "-n", "-c", "1", "-W", "1", "10.200.1.2")
		return err == nil
	}
	if gets() {
		t.Fatal("nothing is kept in, so there is nothing to get out of")
	}
	for line := range strings.Lines(block) {
		w.sh(w.client, strings.Fields(strings.TrimPrefix(line, "sudo "))...)
	}
	w.until("the way out", 5*time.Second, gets)
	if out, err := w.try(w.client, "ip", "-6", "route", "get", "2001:db8::1"); !strings.Contains(out, "unreachable") || strings.Contains(out, "No route to host") {
		t.Errorf("IPv6 is kept in still: %s (%v)", out, err)
	}
}
