package api

import "holdfast/service/tunnel"

// Tunnels is the reply of GET /tunnels, sorted by name.
type Tunnels struct {
	Schema  int             `json:"schema"`
	Tunnels []TunnelSummary `json:"tunnels"`
}

// TunnelSummary is one tunnel in the list.
type TunnelSummary struct {
	Name tunnel.Name `json:"name"`
	// Groups are the groups it is a member of, sorted.
	Groups []tunnel.Name `json:"groups"`
	// Active says that its device holds the interface now.
	Active bool `json:"active"`
	// Endpoint is the first peer's, as host:port. "": none.
	Endpoint string `json:"endpoint"`
	// Full says that it carries all of IPv4 or all of IPv6.
	Full bool `json:"full"`
	// Problem is why its configuration cannot be read. "": it can.
	Problem string `json:"problem,omitempty"`
}

// Tunnel is the reply of GET /tunnels/{name}: the typed configuration with
// public keys only.
type Tunnel struct {
	Schema int         `json:"schema"`
	Name   tunnel.Name `json:"name"`
	// Groups are the groups it is a member of, sorted.
	Groups []tunnel.Name `json:"groups"`
	Active bool          `json:"active"`
	Config Config        `json:"config"`
}

// Config is what a configuration says, without its secrets.
type Config struct {
	// PublicKey belongs to the private key, which is never shown. "": it is yet
	// to be made.
	PublicKey  string   `json:"publicKey"`
	Addresses  []string `json:"addresses"`
	DNS        []string `json:"dns"`
	Search     []string `json:"search"`
	ListenPort uint16   `json:"listenPort"` // 0: any
	MTU        int      `json:"mtu"`        // bytes; 0: the setting's
	Peers      []Peer   `json:"peers"`
	// Routes is what will be routed into the tunnel: every allowed IP, sorted.
	Routes []string `json:"routes"`
	// Full says that it carries all of IPv4 or all of IPv6; Warnings tell which
	// of them it does not.
	Full bool `json:"full"`
	// Scripts are the script lines ("PostUp = …"), kept for export and never run.
	Scripts  []string         `json:"scripts"`
	Warnings []tunnel.Warning `json:"warnings"`
}

// Peer is one peer of a Config.
type Peer struct {
	PublicKey string `json:"publicKey"`
	// PresharedKey says that there is one; it is never shown.
	PresharedKey bool     `json:"presharedKey"`
	AllowedIPs   []string `json:"allowedIPs"`
	Endpoint     string   `json:"endpoint"`  // host:port; "": none
	Keepalive    uint16   `json:"keepalive"` // seconds; 0: off
}

// Import is the body of POST /tunnels.
type Import struct {
	Name tunnel.Name `json:"name"`
	// Text is the configuration itself, at most MaxConfig bytes. (new) may stand
	// for its private key: the service makes one.
	Text string `json:"text"`
	// Overwrite replaces a tunnel of that name. Without it that is a conflict.
	Overwrite bool `json:"overwrite"`
}

// Text is the body of PUT /tunnels/{name}.
type Text struct {
	// Text is the configuration itself, at most MaxConfig bytes. (kept) may stand
	// for the private key, and for the preshared key of a peer with the same
	// public key: they stay as they are. (new) may stand for the private key:
	// the service makes one.
	Text string `json:"text"`
}

// Draft is the body of POST /tunnels/check.
type Draft struct {
	// Name is the tunnel whose secrets (kept) stands for. "": none.
	Name tunnel.Name `json:"name"`
	// Text is as that of POST and PUT. No key is made for (new).
	Text string `json:"text"`
}

// Editable is the reply of GET /tunnels/{name}/text.
type Editable struct {
	Schema int         `json:"schema"`
	Name   tunnel.Name `json:"name"`
	// Text is a wg-quick .conf in which (kept) stands for each secret.
	Text string `json:"text"`
}

// Rename is the body of POST /tunnels/{name}/rename.
type Rename struct {
	To tunnel.Name `json:"to"`
}

// Export is the reply of GET /tunnels/{name}/export. It holds the secrets.
type Export struct {
	Schema int         `json:"schema"`
	Name   tunnel.Name `json:"name"`
	Text   string      `json:"text"` // a wg-quick .conf
}

// Check is the reply of POST /tunnels/check. Nothing has been stored.
type Check struct {
	Schema   int              `json:"schema"`
	Valid    bool             `json:"valid"`
	Problems []tunnel.Problem `json:"problems"` // empty where Valid
	// Config is what would be stored. Nil where not Valid.
	Config *Config `json:"config"`
}

// Groups is the reply of GET /groups, sorted by name.
type Groups struct {
	Schema int     `json:"schema"`
	Groups []Group `json:"groups"`
}

// Group is an ordered list of tunnels: the first is the primary.
type Group struct {
	Name    tunnel.Name   `json:"name"`
	Members []tunnel.Name `json:"members"`
}

// Members is the body of PUT /groups/{name}, in order of preference.
type Members struct {
	Members []tunnel.Name `json:"members"`
}

// Target is the body of POST /connect.
type Target struct {
	// Target is a group's or a tunnel's name. "": the one asked for last.
	Target tunnel.Name `json:"target"`
}

// Switch is the body of POST /switch.
type Switch struct {
	// Name is the member that is to become active.
	Name tunnel.Name `json:"name"`
}
