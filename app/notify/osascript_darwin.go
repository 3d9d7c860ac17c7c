package notify

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// scriptWait bounds the script.
const scriptWait = 5 * time.Second

// scriptScreen shows notes by osascript, for a tray that is not in a bundle. The
// system says that Script Editor sent them; they have no buttons, and can be
// neither replaced nor taken back, so that each note is a new one.
type scriptScreen struct{}

// Do shows a note. Closing does nothing.
func (scriptScreen) Do(a Action) error {
	if a.Show == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptWait)
	defer cancel()
	// The texts are arguments, and never part of the script.
	const script = `on run {theTitle, theBody}
display notification theBody with title "Holdfast" subtitle theTitle
end run`
	if err := exec.CommandContext(ctx, "/usr/bin/osascript", "-e", script, a.Show.Title, a.Show.Body).Run(); err != nil {
		return fmt.Errorf("show notification by osascript: %w", err)
	}
	return nil
}

// Close does nothing.
func (scriptScreen) Close() error { return nil }
