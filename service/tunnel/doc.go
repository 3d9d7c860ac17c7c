// Package tunnel holds the words every other package shares: what a tunnel is
// called, what its .conf says, what state its device is in, what its counters
// say and why it may not work.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
package tunnel
