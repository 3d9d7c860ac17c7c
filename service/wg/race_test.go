//go:build race

package wg

import "testing"

// needsPace skips a test whose handshakes must be as quick as they are. Under the race
// detector sync.Pool forgets on purpose, and wireguard-go clears buffers of 64 KiB for
// each packet: on two slow cores a handshake takes a second.
func needsPace(t *testing.T) {
	t.Helper()
	t.Skip("takes handshakes that the race detector does not slow down")
}
