package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The inputs for signing what runs on Windows, as variables of the environment. Of
// a key, one kind is enough: a file in PEM, an object of a PKCS#11 module, or a file
// in PKCS#12 that holds the certificate too.
const (
	signCert      = "HOLDFAST_SIGN_CERT"      // path: the certificate and those above it, in PEM
	signKey       = "HOLDFAST_SIGN_KEY"       // path, or a URI "pkcs11:…"
	signModule    = "HOLDFAST_SIGN_MODULE"    // path: the PKCS#11 module that the URI is of
	signPFX       = "HOLDFAST_SIGN_PFX"       // path: certificate and key in PKCS#12
	signPassword  = "HOLDFAST_SIGN_PASSWORD"  // path: a file that holds the password
	signTimestamp = "HOLDFAST_SIGN_TIMESTAMP" // address of a time-stamp server (RFC 3161)
)

// signer signs programs and installers (Authenticode). A nil one leaves them as they
// are.
type signer struct{ args []string }

// signerOf is the signer that the environment describes; nil: it names no key.
func signerOf(env func(string) string) (*signer, error) {
	var s signer
	switch {
	case env(signPFX) != "" && (env(signCert) != "" || env(signKey) != ""):
		return nil, fmt.Errorf("%s holds certificate and key: leave out %s and %s", signPFX, signCert, signKey)
	case env(signPFX) != "":
		s.args = []string{"-pkcs12", env(signPFX)}
	case env(signCert) == "" && env(signKey) == "":
		return nil, nil
	case env(signCert) == "" || env(signKey) == "":
		return nil, fmt.Errorf("signing needs both %s and %s", signCert, signKey)
	default:
		s.args = []string{"-certs", env(signCert), "-key", env(signKey)}
	}
	for _, more := range []struct{ name, option string }{
		{signModule, "-pkcs11module"}, {signPassword, "-readpass"}, {signTimestamp, "-ts"},
	} {
		if value := env(more.name); value != "" {
			s.args = append(s.args, more.option, value)
		}
	}
	return &s, nil
}

// sign signs a program or an installer in its place. A dialog that asks for rights
// shows description.
func (s *signer) sign(ctx context.Context, path, description string) error {
	if s == nil {
		return nil
	}
	signed := filepath.Join(filepath.Dir(path), "signed-"+filepath.Base(path))
	args := append([]string{"sign", "-h", "sha256", "-n", description}, s.args...)
	if _, err := output(ctx, "", "osslsigncode", append(args, "-in", path, "-out", signed)...); err != nil {
		return errors.Join(fmt.Errorf("sign %s: %w", filepath.Base(path), err), os.RemoveAll(signed))
	}
	return os.Rename(signed, path)
}
