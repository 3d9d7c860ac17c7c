package main

import (
	"context"
	"crypto/rand"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/service/tunnel"
)

// newKeys makes and converts keys. It needs no service, and no key leaves the
// program but by stdout.
func newKeys(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:     "keys",
		Short:   "Make WireGuard keys",
		GroupID: groupOther,
	}
	c.AddCommand(&cobra.Command{
		Use:   "gen",
		Short: "Print a new private key",
		Args:  takes(0, 0),
		RunE:  func(*cobra.Command, []string) error { return p.keysGen() },
	}, &cobra.Command{
		Use:     "pub",
		Short:   "Read a private key from stdin and print its public key",
		Example: "  holdfast keys gen | holdfast keys pub",
		Args:    takes(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return p.keysPub(c.Context()) },
	})
	return c
}

func (p *program) keysGen() error {
	var random [32]byte
	// rand.Read never fails: it ends the program where the system has no randomness.
	_, _ = rand.Read(random[:])
	key := tunnel.NewPrivateKey(random)
	if p.json {
		return p.object(struct {
			PrivateKey string           `json:"privateKey"`
			PublicKey  tunnel.PublicKey `json:"publicKey"`
		}{key.Reveal(), key.Public()})
	}
	return p.say("%s\n", key.Reveal())
}

func (p *program) keysPub(ctx context.Context) error {
	// A key is 44 characters; what is longer is not a key and need not be read.
	text, err := interruptible(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(p.in, 1<<10)) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return failed(err, "", "read private key")
	}
	key, err := tunnel.ParsePrivateKey(strings.TrimSpace(string(text)))
	if err != nil {
		return &failure{
			code: exitInvalid, message: "read private key: " + err.Error(), err: err,
			hint: "make one with: holdfast keys gen",
		}
	}
	if p.json {
		return p.object(struct {
			PublicKey tunnel.PublicKey `json:"publicKey"`
		}{key.Public()})
	}
	return p.say("%s\n", key.Public())
}
