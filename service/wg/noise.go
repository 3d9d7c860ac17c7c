package wg

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"golang.org/x/crypto/blake2s"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/curve25519"
	"golang.zx2c4.com/wireguard/device"

	"holdfast/service/tunnel"
)

// key32 is a key, a hash or a chaining key of the handshake.
type key32 [32]byte

// mac16 is a short MAC or a cookie.
type mac16 [blake2s.Size128]byte

// tai64 is the TAI64N timestamp of an initiation.
type tai64 [12]byte

// stampStep is the granularity of the timestamps that WireGuard sends.
const stampStep = 1 << 24 * time.Nanosecond

// The layout of an initiation and of a response.
const (
	sealedAt     = 40                              // the client's key, after type, index and ephemeral key
	stampAt      = sealedAt + 32 + 16              // the timestamp
	initiationAt = stampAt + 12 + 16               // MAC1 of an initiation
	emptyAt      = 12 + 32                         // the empty payload of a response
	responseAt   = emptyAt + 16                    // MAC1 of a response
	cookieAt     = 8 + chacha20poly1305.NonceSizeX // the cookie in its reply
	labelMAC1    = "mac1----"
	labelCookie  = "cookie--"
)

var (
	firstChain = key32(blake2s.Sum256([]byte(device.NoiseConstruction)))
	firstHash  = mix(firstChain, []byte(device.WGIdentifier))
)

// initiator asks one server for handshakes that never become sessions: it can
// build the first message of Noise_IKpsk2 and tell whether a second one answers
// it, and derives no transport keys. It does not change.
type initiator struct {
	private, psk   key32
	public, server key32
	shared         key32 // between the two long-term keys
	hash           key32 // the first hash, with the server's key in it

	macKey, ownMACKey, cookieKey key32
}

// newInitiator prepares questions of the holder of private to peer.
func newInitiator(private tunnel.PrivateKey, peer *tunnel.Peer) (*initiator, error) {
	n := &initiator{public: key32(private.Public()), server: key32(peer.PublicKey)}
	if err := n.private.decode(private.RevealHex()); err != nil {
		return nil, err
	}
	if err := n.psk.decode(peer.PresharedKey.RevealHex()); err != nil {
		return nil, err
	}
	var err error
	if n.shared, err = exchange(n.private, n.server); err != nil {
		return nil, err
	}
	n.hash = mix(firstHash, n.server[:])
	n.macKey = label(labelMAC1, n.server)
	n.ownMACKey = label(labelMAC1, n.public)
	n.cookieKey = label(labelCookie, n.server)
	return n, nil
}

func (k *key32) decode(text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(k) {
		return errors.New("a key of the config has another form")
	}
	copy(k[:], raw)
	clear(raw)
	return nil
}

// opening is an initiation that was built, and what its answer is checked by.
type opening struct {
	*initiator
	index      uint32
	ephemeral  key32
	chain      key32
	transcript key32
	mac1       mac16
}

// open builds an initiation. cookie nil: the server has not sent one.
func (n *initiator) open(index uint32, at tai64, cookie *mac16) (*opening, []byte, error) {
	o := &opening{initiator: n, index: index}
	if _, err := rand.Read(o.ephemeral[:]); err != nil {
		return nil, nil, fmt.Errorf("build initiation: %w", err)
	}
	half, err := curve25519.X25519(o.ephemeral[:], curve25519.Basepoint)
	if err != nil {
		return nil, nil, fmt.Errorf("build initiation: %w", err)
	}
	once, err := exchange(o.ephemeral, n.server)
	if err != nil {
		return nil, nil, err
	}
	packet := make([]byte, device.MessageInitiationSize)
	packet[0] = device.MessageInitiationType
	binary.LittleEndian.PutUint32(packet[4:], index)
	copy(packet[8:], half)
	o.transcript = mix(n.hash, half)
	o.chain = derive(firstChain, half)[0]

	keys := derive(o.chain, once[:])
	seal(packet[sealedAt:sealedAt], keys[1], n.public[:], o.transcript)
	o.transcript = mix(o.transcript, packet[sealedAt:stampAt])
	keys = derive(keys[0], n.shared[:])
	seal(packet[stampAt:stampAt], keys[1], at[:], o.transcript)
	o.transcript = mix(o.transcript, packet[stampAt:initiationAt])
	o.chain = keys[0]

	o.mac1 = mac(n.macKey[:], packet[:initiationAt])
	rest := append(packet[initiationAt:initiationAt], o.mac1[:]...)
	if cookie != nil {
		mac2 := mac(cookie[:], packet[:initiationAt+len(o.mac1)])
		_ = append(rest, mac2[:]...)
	}
	return o, packet, nil
}

// reply says what a response to our index is.
type reply int

const (
	foreign   reply = iota // not made by the server for this client
	mismatch               // it does not authenticate; with the right server, the preshared keys differ
	authentic              // the holder of the server's key has answered this very initiation
)

// judge checks a response.
func (o *opening) judge(packet []byte) reply {
	if len(packet) != device.MessageResponseSize || binary.LittleEndian.Uint32(packet) != device.MessageResponseType ||
		binary.LittleEndian.Uint32(packet[8:]) != o.index {
		return foreign
	}
	if !o.signed(packet, responseAt) {
		return foreign
	}
	theirs := key32(packet[12:emptyAt])
	transcript := mix(o.transcript, theirs[:])
	chain := derive(o.chain, theirs[:])[0]
	for _, ours := range []key32{o.ephemeral, o.private} {
		secret, err := exchange(ours, theirs)
		if err != nil {
			return mismatch
		}
		chain = derive(chain, secret[:])[0]
	}
	keys := derive(chain, o.psk[:])
	transcript = mix(transcript, keys[1][:])
	aead, err := chacha20poly1305.New(keys[2][:])
	if err != nil {
		return mismatch
	}
	var nonce [chacha20poly1305.NonceSize]byte
	if _, err := aead.Open(nil, nonce[:], packet[emptyAt:responseAt], transcript[:]); err != nil {
		return mismatch
	}
	return authentic
}

// signed says that MAC1 of a packet to us, which begins at at, is right.
func (n *initiator) signed(packet []byte, at int) bool {
	mac1 := mac(n.ownMACKey[:], packet[:at])
	return hmac.Equal(mac1[:], packet[at:at+len(mac1)])
}

// cookie opens a cookie reply. ok: it is the server's answer to this initiation.
func (o *opening) cookie(packet []byte) (cookie mac16, ok bool) {
	if len(packet) != device.MessageCookieReplySize || binary.LittleEndian.Uint32(packet) != device.MessageCookieReplyType ||
		binary.LittleEndian.Uint32(packet[4:]) != o.index {
		return mac16{}, false
	}
	aead, err := chacha20poly1305.NewX(o.cookieKey[:])
	if err != nil {
		return mac16{}, false
	}
	_, err = aead.Open(cookie[:0], packet[8:cookieAt], packet[cookieAt:], o.mac1[:])
	return cookie, err == nil
}

// wipe forgets the secret of this initiation.
func (o *opening) wipe() { clear(o.ephemeral[:]) }

// stampOf is the timestamp of an initiation that is dated now. One beside the
// session is dated one step before the present, so that an initiation of the
// device that is built next has a later one, even in the same step.
func stampOf(now time.Time) (s tai64) {
	const tai = uint64(0x400000000000000a)
	binary.BigEndian.PutUint64(s[:], tai+uint64(now.Unix()))
	binary.BigEndian.PutUint32(s[8:], uint32(now.Nanosecond())&^(uint32(stampStep)-1))
	return s
}

func exchange(private, public key32) (key32, error) {
	secret, err := curve25519.X25519(private[:], public[:])
	if err != nil {
		return key32{}, errors.New("the server's key is not a point of the curve that is in use")
	}
	return key32(secret), nil
}

// derive is HKDF over BLAKE2s: the next chaining key and two keys more, of
// which a step uses as many as it needs.
func derive(chain key32, input []byte) (out [3]key32) {
	secret := keyed(chain, input)
	out[0] = keyed(secret, []byte{1})
	out[1] = keyed(secret, out[0][:], []byte{2})
	out[2] = keyed(secret, out[1][:], []byte{3})
	return out
}

func keyed(key key32, parts ...[]byte) (sum key32) {
	h := hmac.New(newHash, key[:])
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}

func newHash() hash.Hash {
	h, _ := blake2s.New256(nil) // fails only with a key that is too long
	return h
}

func mix(h key32, data []byte) (sum key32) {
	w := newHash()
	w.Write(h[:])
	w.Write(data)
	w.Sum(sum[:0])
	return sum
}

func label(text string, key key32) key32 {
	return blake2s.Sum256(append([]byte(text), key[:]...))
}

func mac(key, data []byte) (sum mac16) {
	w, _ := blake2s.New128(key) // fails only with a key that is too long
	w.Write(data)
	w.Sum(sum[:0])
	return sum
}

// seal appends the encrypted text to dst, whose array has the room.
func seal(dst []byte, key key32, text []byte, transcript key32) {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	var nonce [chacha20poly1305.NonceSize]byte
	aead.Seal(dst, nonce[:], text, transcript[:])
}
