package tunnel_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/service/tunnel"
)

// BenchmarkParse reads an ordinary config, and the costliest that is accepted.
func BenchmarkParse(b *testing.B) {
	var large strings.Builder
	large.WriteString(before(2))
	for i := range 64 {
		fmt.Fprintf(&large, "\n[Peer]\nPublicKey = %s\nAllowedIPs = ", tunnel.PublicKey{byte(i + 1)})
		for n := range 200 {
			fmt.Fprintf(&large, "10.%d.%d.0/24,", i, n)
		}
		large.WriteString("::/0")
	}
	for name, text := range map[string]string{"ordinary": full, "large": large.String()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := tunnel.Parse([]byte(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
