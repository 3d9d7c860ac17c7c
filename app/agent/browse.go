package agent

import (
	"errors"
	"io"
	"time"

	"github.com/cli/browser"
)

// browseWait is how long a browser's starter may take to fail; one that still
// runs then is the browser itself, and has opened.
const browseWait = 3 * time.Second

// errNoDesktop says that there is nothing to show a browser on.
var errNoDesktop = errors.New("there is no desktop here")

func init() {
	// What browsers say on their terminal is for nobody here.
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
}

// browseSystem opens an address in the person's browser.
func browseSystem(address string) error {
	if !hasDesktop() {
		return errNoDesktop
	}
	started := make(chan error, 1)
	go func() { started <- browser.OpenURL(address) }() // ends with the starter
	select {
	case err := <-started:
		return err
	case <-time.After(browseWait):
		return nil
	}
}
