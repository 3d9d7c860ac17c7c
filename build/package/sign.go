package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// What is signed, is signed with an OpenPGP key: deb and rpm each by itself, and
// the list of sums, which covers everything else. A signature holds the time at
// which it was made, so that signed packages differ from one build to the next,
// in the signature alone.
const (
	// keyVariable names the file of the secret key, armored. Unset: nothing is signed.
	keyVariable = "HOLDFAST_PGP_KEY"
	// passphraseVariable holds its passphrase. Unset: it has none.
	passphraseVariable = "HOLDFAST_PGP_PASSPHRASE"
)

func signingKey() string { return os.Getenv(keyVariable) }

// passphraseFor gives the passphrase to a program that looks for it in a variable.
func passphraseFor(variable string) string { return variable + "=" + os.Getenv(passphraseVariable) }

// signSums writes a signature of the list of sums beside it, with gpg and a
// keyring that is gone afterwards. It says so where there is no key.
func signSums(ctx context.Context, out string) error {
	key := signingKey()
	if key == "" {
		fmt.Printf("not signed: %s names no key\n", keyVariable)
		return nil
	}
	home, err := os.MkdirTemp("", "holdfast-gpg")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	secret := filepath.Join(home, "passphrase")
	if err := os.WriteFile(secret, []byte(os.Getenv(passphraseVariable)), 0o600); err != nil {
		return err
	}
	gpg := func(args ...string) error {
		all := append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback",
			"--passphrase-file", secret}, args...)
		if _, err := output(ctx, "", "gpg", all...); err != nil {
			return fmt.Errorf("sign the list of sums: %w", err)
		}
		return nil
	}
	// The agent that gpg starts ends when its folder goes.
	if err := gpg("--import", key); err != nil {
		return err
	}
	return gpg("--armor", "--detach-sign", filepath.Join(out, sumsName))
}
