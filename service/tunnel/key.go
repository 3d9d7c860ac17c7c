package tunnel

import (
	"crypto/ecdh"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// errKey is what every malformed key answers; it never repeats the key.
var errKey = errors.New("a key is 32 bytes in base64: 44 characters ending in =")

// PublicKey is a Curve25519 public key. It may be shown. The zero value is no key.
type PublicKey [32]byte

// ParsePublicKey reads the base64 form of wg(8).
func ParsePublicKey(s string) (PublicKey, error) {
	k, err := decodeKey(s)
	return PublicKey(k), err
}

// String is the base64 form of wg(8).
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// MarshalText is String, for JSON and TOML.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is ParsePublicKey.
func (k *PublicKey) UnmarshalText(b []byte) (err error) {
	*k, err = ParsePublicKey(string(b))
	return err
}

// Hex is the form that wireguard-go's configuration protocol reads.
func (k PublicKey) Hex() string { return hex.EncodeToString(k[:]) }

// IsZero says that there is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// hidden is what a secret prints, whoever asks: %v, %x, slog (which asks for
// text), JSON.
const hidden = "(hidden)"

// secret is 32 bytes that never print themselves. Writing one needs Reveal or
// RevealHex, so that every place that does can be found by name.
//
// The bytes are behind pointers because fmt cannot call the methods of an
// unexported field: a struct that keeps a Config in one would print them. Two
// pointers, because fmt follows one for a verb that does not fit. As pointers
// say nothing about equality, == does not compile; use Equal.
type secret struct {
	_ [0]func()
	b **[32]byte // nil: no key
}

// newSecret hides k. All zeros is no key, as in WireGuard.
func newSecret(k [32]byte) secret {
	if k == [32]byte{} {
		return secret{}
	}
	p := &k
	return secret{b: &p}
}

func (secret) String() string               { return hidden }
func (secret) GoString() string             { return hidden }
func (secret) Format(s fmt.State, _ rune)   { _, _ = s.Write([]byte(hidden)) }
func (secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal returns the base64 form of wg(8). It is for writing a .conf.
func (k secret) Reveal() string { return base64.StdEncoding.EncodeToString(k.bytes()) }

// RevealHex returns the form that wireguard-go's configuration protocol reads.
func (k secret) RevealHex() string { return hex.EncodeToString(k.bytes()) }

// IsZero says that there is no key.
func (k secret) IsZero() bool { return k.b == nil }

func (k secret) bytes() []byte {
	if k.b == nil {
		return make([]byte, 32)
	}
	return (*k.b)[:]
}

func (k secret) equal(o secret) bool { return subtle.ConstantTimeCompare(k.bytes(), o.bytes()) == 1 }

// PrivateKey is a Curve25519 private key. It never prints itself. The zero
// value is no key.
type PrivateKey struct{ secret }

// ParsePrivateKey reads the base64 form of wg(8). Its errors never repeat s.
func ParsePrivateKey(s string) (PrivateKey, error) {
	k, err := decodeKey(s)
	return PrivateKey{newSecret(k)}, err
}

// NewPrivateKey makes a key of 32 random bytes, clamped as Curve25519 wants.
func NewPrivateKey(random [32]byte) PrivateKey {
	random[0] &= 248
	random[31] = random[31]&127 | 64
	return PrivateKey{newSecret(random)}
}

// Public derives the public key.
func (k PrivateKey) Public() PublicKey {
	priv, err := ecdh.X25519().NewPrivateKey(k.bytes())
	if err != nil {
		panic("32 bytes are always an X25519 key: " + err.Error())
	}
	return PublicKey(priv.PublicKey().Bytes())
}

// Equal compares in constant time.
func (k PrivateKey) Equal(o PrivateKey) bool { return k.equal(o.secret) }

// PresharedKey is the optional symmetric key of a peer. It never prints itself.
// The zero value is none.
type PresharedKey struct{ secret }

// ParsePresharedKey reads the base64 form of wg(8). Its errors never repeat s.
func ParsePresharedKey(s string) (PresharedKey, error) {
	k, err := decodeKey(s)
	return PresharedKey{newSecret(k)}, err
}

// Equal compares in constant time.
func (k PresharedKey) Equal(o PresharedKey) bool { return k.equal(o.secret) }

func decodeKey(s string) (k [32]byte, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(k) || len(s) != 44 {
		return k, errKey
	}
	return [32]byte(b), nil
}

// A Site is what two members share when they are the same client at the same
// server: the same private key and the same server key. Two full handshakes
// with one site at once break the live session, so a site has one device.
type Site [32]byte

// Site identifies the pair (client key, first peer's key).
func (c *Config) Site() Site {
	pub := c.Interface.PrivateKey.Public()
	h := sha256.New()
	h.Write(pub[:])
	if len(c.Peers) > 0 {
		h.Write(c.Peers[0].PublicKey[:])
	}
	return Site(h.Sum(nil))
}
