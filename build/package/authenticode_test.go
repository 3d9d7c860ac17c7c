package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSignerOf(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		want []string // nil: no signer
		err  string
	}{
		{name: "no key"},
		{name: "files", env: []string{signCert, "c.pem", signKey, "k.pem", signTimestamp, "http://time"},
			want: []string{"-certs", "c.pem", "-key", "k.pem", "-ts", "http://time"}},
		{name: "a token", env: []string{signCert, "c.pem", signKey, "pkcs11:id=1", signModule, "m.so", signPassword, "pin"},
			want: []string{"-certs", "c.pem", "-key", "pkcs11:id=1", "-pkcs11module", "m.so", "-readpass", "pin"}},
		{name: "one file", env: []string{signPFX, "both.pfx", signPassword, "pw"}, want: []string{"-pkcs12", "both.pfx", "-readpass", "pw"}},
		{name: "half", env: []string{signCert, "c.pem"}, err: signKey},
		{name: "the other half", env: []string{signKey, "k.pem"}, err: signCert},
		{name: "too much", env: []string{signPFX, "both.pfx", signKey, "k.pem"}, err: "leave out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := signerOf(environment(test.env...))
			switch {
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want an error with %q", err, test.err)
				}
			case err != nil:
				t.Error(err)
			case test.want == nil:
				if s != nil {
					t.Errorf("signs with %v", s.args)
				}
			case s == nil || !slices.Equal(s.args, test.want):
				t.Errorf("got %v, want %v", s, test.want)
			}
		})
	}
}

// testKey is a certificate for signing programs that nobody else trusts.
func testKey(t *testing.T) (cert, key string) {
	t.Helper()
	needs(t, "openssl", "osslsigncode")
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Holdfast test",
		"-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=codeSigning", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	return cert, key
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs ", program)
		}
	}
}

// verify says whether the signature of a file is one by this certificate, and of
// this file.
func verify(cert, path string) error {
	_, err := exec.Command("osslsigncode", "verify", "-CAfile", cert, "-in", path).Output()
	return err
}

// A signature holds until a byte of the program changes.
func TestSignProgram(t *testing.T) {
	needs(t, "go")
	cert, key := testKey(t)
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program.exe")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", program, source)
	build.Env = append(build.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := verify(cert, program); err == nil {
		t.Error("a program without a signature is taken for signed")
	}
	signer, err := signerOf(environment(signCert, cert, signKey, key))
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.sign(t.Context(), program, "Test"); err != nil {
		t.Fatal(err)
	}
	if err := verify(cert, program); err != nil {
		t.Errorf("the signature does not hold: %v", err)
	}
	changed, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	changed[len(changed)/2] ^= 1
	if err := os.WriteFile(program, changed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := verify(cert, program); err == nil {
		t.Error("the signature holds for a changed program")
	}
}

// A key that does not work leaves the program as it was, and nothing beside it.
func TestSignFails(t *testing.T) {
	needs(t, "osslsigncode")
	dir := t.TempDir()
	program := filepath.Join(dir, "program.exe")
	if err := os.WriteFile(program, []byte("MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := signerOf(environment(signCert, filepath.Join(dir, "none"), signKey, filepath.Join(dir, "none")))
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.sign(t.Context(), program, "Test"); err == nil || !strings.Contains(err.Error(), "sign program.exe") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}
