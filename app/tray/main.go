// Command holdfast-tray is Holdfast on the desktop of one person: an icon that
// says how things stand, a menu for what is done most, notifications when
// something is the matter, and the page, which it serves on loopback.
//
// It runs as the person and keeps nothing but their preferences. It asks nobody
// but the service, over its socket, and hears of changes from the service's
// stream: it has no timer of its own while nothing is the matter. It may crash,
// be quit or be absent; the tunnel stays as it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"holdfast/app/autostart"
	"holdfast/app/notify"
	"holdfast/app/prefs"
	"holdfast/app/tray/icon"
	"holdfast/build/version"
	_ "holdfast/service/loader" // before anything loads a library
)

// Exit codes, as those of the command line.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	o, code := parse(os.Args[1:], os.Stdout, os.Stderr)
	if code >= 0 {
		os.Exit(code)
	}
	os.Exit(run(o, os.Stderr))
}

// options are those of the command line.
type options struct {
	socket string
	port   int
	style  icon.Style
	// atLogin says that the system started the tray, and not the person.
	atLogin bool
	// forget is all that is to be done.
	forget bool
}

// parse reads the command line. A code that is not negative ends the program.
func parse(args []string, out, errs io.Writer) (options, int) {
	var o options
	f := flag.NewFlagSet("holdfast-tray", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.socket, "socket", "", "`path` of the service's socket (default: $HOLDFAST_SOCKET, else the system's)")
	f.IntVar(&o.port, "port", 0, "the TCP `port` of the page on 127.0.0.1; 0: any")
	style := f.String("icon", string(icon.Colour), "how the icon is drawn: colour, light (for dark panels) or dark")
	f.BoolVar(&o.atLogin, "at-login", false, "leave quietly where a tray runs already, or you do not want one at login")
	f.BoolVar(&o.forget, "forget", false, "remove your preferences and what this desktop knows of the tray, and leave")
	about := f.Bool("version", false, "print the version and leave")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, exitDone
		}
		return o, exitUsage
	}
	o.style = icon.Style(*style)
	switch {
	case *about:
		fmt.Fprintln(out, "holdfast-tray", version.String())
		return o, exitDone
	case f.NArg() > 0:
		fmt.Fprintf(errs, "holdfast-tray: %q is not understood\n", f.Arg(0))
		return o, exitUsage
	case o.style != icon.Colour && o.style != icon.Light && o.style != icon.Dark:
		fmt.Fprintf(errs, "holdfast-tray: an icon is colour, light or dark, not %q\n", *style)
		return o, exitUsage
	}
	if o.socket == "" {
		o.socket = os.Getenv("HOLDFAST_SOCKET")
	}
	if o.socket == "" {
		o.socket = defaultSocket
	}
	return o, -1
}

// forget removes what the tray keeps of the person, which uninstalling asks for.
func forget(errs io.Writer) int {
	if err := errors.Join(autostart.Forget(), notify.Forget(), prefs.Forget()); err != nil {
		fmt.Fprintln(errs, "holdfast-tray:", err)
		return exitFailed
	}
	return exitDone
}

// run is main with an exit code, so that deferred calls are carried out. It must
// be called from the first goroutine: some systems want their menus there.
func run(o options, errs io.Writer) int {
	if o.forget {
		return forget(errs)
	}
	if o.atLogin && !autostart.Enabled() {
		return exitDone
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	slog.SetDefault(log) // systray writes to the standard logger
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if advice := unwise(); advice != "" {
		log.Warn("the tray runs with too many rights", "advice", advice)
	}
	desk, err := enterDesktop(o.socket)
	if errors.Is(err, errThereAlready) && o.atLogin {
		return exitDone
	}
	if errors.Is(err, errThereAlready) {
		return showRunning(ctx, o, log)
	}
	if err != nil {
		log.Error("there is no desktop to show an icon on; the page is served by: holdfast web", "err", err)
		return exitFailed
	}
	defer desk.leave()
	t, err := newTray(o, desk, log)
	if err != nil {
		log.Error("the tray cannot start", "err", err)
		return exitFailed
	}
	t.run(ctx)
	return exitDone
}
