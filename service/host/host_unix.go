//go:build unix

package host

import (
	"context"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Run runs s until it returns, or until SIGTERM or SIGINT. Under systemd it
// says READY=1, STOPPING=1 and feeds the watchdog (sd_notify(3)).
func Run(s Service, o Options) error {
	o = o.withDefaults()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		notify("STOPPING=1")
	}()
	return watch(ctx, s, Notify{Ready: func(alive func() bool) {
		notify("READY=1")
		if every := watchdog(); every > 0 {
			go feed(ctx, every, alive)
		}
	}}, o)
}

// notify sends one state to systemd. Without systemd it does nothing; a state
// that cannot be sent is not worth a failure.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte(state))
}

// watchdog returns how often systemd wants to hear from us: half of what it
// allows. 0: never.
func watchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || us <= 0 {
		return 0
	}
	return time.Duration(us) * time.Microsecond / 2
}

// feed tells the watchdog that we live, as long as we do and until ctx ends.
func feed(ctx context.Context, every time.Duration, alive func() bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if alive == nil || alive() {
				notify("WATCHDOG=1")
			}
		}
	}
}
