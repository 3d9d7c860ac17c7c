package main

import (
	"context"
	"os/exec"
	"sync"
	"time"
)

// askWithin bounds the question for the languages.
const askWithin = 2 * time.Second

// desktopLanguages are those of the desktop, the preferred first, as they were when
// the tray began: launchd tells none to what it starts.
var desktopLanguages = sync.OnceValue(func() []string {
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/bin/defaults", "read", "-g", "AppleLanguages").Output()
	if err != nil {
		return nil
	}
	return listedLanguages(string(out))
})
