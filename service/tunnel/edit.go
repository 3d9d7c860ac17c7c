package tunnel

const (
	// Kept stands in an edited text for a secret that stays as it was.
	Kept = "(kept)"
	// New stands there for a private key that is yet to be made.
	New = "(new)"
)

// Edit reads a text that came from Editable, or was written with Kept and New
// in the place of keys. The zero value knows neither.
type Edit struct {
	// Before is the config whose secrets Kept stands for: its private key, and
	// the preshared key of the peer with the same public key. Nil: none.
	Before *Config
	// NewKey makes the key that New stands for. Nil: New is no key.
	NewKey func() PrivateKey
}

func (e Edit) knows() bool { return e.Before != nil || e.NewKey != nil }

// keepShared puts the preshared keys that are kept in their places.
func (p *parser) keepShared() {
	for at := range p.config.Peers {
		line, kept := p.keptAt[at]
		if !kept {
			continue
		}
		peer := &p.config.Peers[at]
		if peer.PresharedKey = p.edit.shared(peer.PublicKey); peer.PresharedKey.IsZero() {
			p.refuseAt(line, "PresharedKey", "no preshared key is known for this peer's public key; give it, or remove the line")
		}
	}
}

// shared is the preshared key that a peer had. Zero: there was none.
func (e Edit) shared(peer PublicKey) PresharedKey {
	if e.Before == nil {
		return PresharedKey{}
	}
	for _, p := range e.Before.Peers {
		if p.PublicKey == peer {
			return p.PresharedKey
		}
	}
	return PresharedKey{}
}
