package guard

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watchEvery is how often the rules are looked at while they are shut: pf tells
// nobody of changes. One look is four short runs of pfctl.
const watchEvery = 5 * time.Second

// Watch puts back what other programs take away, until ctx ends, and tells of it
// on Changes. It looks every five seconds while anything is kept in, and when an
// interface has changed; an error says that it cannot. Who changed pf is not known.
//
// It also is what lets the tunnel's interface pass as soon as there is one.
func (g *Guard) Watch(ctx context.Context) error {
	rung, stop := news.listen()
	defer stop()
	fd, err := unix.Socket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
	if err != nil {
		return fmt.Errorf("guard: watch for the tunnel's interface: %w", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("guard: watch for the tunnel's interface: %w", err)
	}
	f := os.NewFile(uintptr(fd), "route")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ringOnInterfaces(f)
	}()
	g.follow(ctx, rung, watchEvery)
	_ = f.Close()
	<-ended
	return nil
}

// ringOnInterfaces rings the bell at each change of an interface or its addresses
// until f is closed.
func ringOnInterfaces(f *os.File) {
	const kind = 3 // where rt_msghdr has its type
	buf := make([]byte, 4096)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		if n <= kind {
			continue
		}
		switch buf[kind] {
		case unix.RTM_IFINFO, unix.RTM_NEWADDR, unix.RTM_DELADDR:
			news.ring()
		}
	}
}
