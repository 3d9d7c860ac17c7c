package wg

import (
	"os"
	"time"

	"golang.zx2c4.com/wireguard/tun"
)

// interrupter is an interface whose blocked Read can be made to return. Read
// then fails with os.ErrDeadlineExceeded, once for each Interrupt or once for
// several of them.
type interrupter interface {
	Interrupt()
}

// readable returns an interface that is interruptible, and how to interrupt it:
// real itself where it offers Interrupt or a file with deadlines, otherwise
// (wintun) a pump around it, which copies.
//
// clear must follow every interrupted Read, before the reader looks again
// whether it is still its turn: an interruption that clear swallows was sent
// after the turn had changed.
func readable(real tun.Device) (dev tun.Device, interrupt, clear func()) {
	if i, ok := real.(interrupter); ok {
		return real, i.Interrupt, func() {}
	}
	if f := real.File(); f != nil && f.SetReadDeadline(time.Time{}) == nil {
		return real, func() { setReadDeadline(f, time.Unix(1, 0)) }, func() { setReadDeadline(f, time.Time{}) }
	}
	p := newPump(real)
	return p, p.Interrupt, func() {}
}

// setReadDeadline ignores the error: it can only say that the file is closed,
// and then no Read blocks.
func setReadDeadline(f *os.File, t time.Time) { _ = f.SetReadDeadline(t) }
