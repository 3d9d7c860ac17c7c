//go:build unix

package client_test

import (
	"testing"

	"holdfast/app/client"
)

// BenchmarkStatus is what `holdfast status` waits for: a new connection, the
// look at who listens, and one reply.
func BenchmarkStatus(b *testing.B) {
	s := serve(b)
	for b.Loop() {
		c := client.New(s.socket)
		if _, err := c.Status(b.Context()); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
