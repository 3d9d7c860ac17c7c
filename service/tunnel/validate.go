package tunnel

import (
	"errors"
	"slices"
)

// Validate says whether Render writes a .conf that Parse reads back as this very
// config. What a .conf cannot hold, a line break in a script above all, is found
// here. The error is Problems, with line 0.
func (c *Config) Validate() error {
	again, err := Parse([]byte(c.Render()))
	if problems, bad := errors.AsType[Problems](err); bad {
		for i := range problems {
			problems[i].Line = 0
		}
		return problems
	}
	if key := difference(c, again); key != "" {
		return Problems{{Key: key, Message: "a .conf cannot hold this value as it is; write it in its usual form"}}
	}
	return nil
}

// Equal says that two configs are the same: what one does, the other does.
func (c *Config) Equal(o *Config) bool { return difference(c, o) == "" }

// difference names the first key in which two configs differ, or "". No values
// and an empty list are the same.
func difference(a, b *Config) string {
	i, j := &a.Interface, &b.Interface
	for _, f := range []struct {
		key  string
		same bool
	}{
		{"PrivateKey", i.PrivateKey.Equal(j.PrivateKey)},
		{"ListenPort", i.ListenPort == j.ListenPort},
		{"FwMark", i.FwMark == j.FwMark},
		{"Address", slices.Equal(i.Addresses, j.Addresses)},
		{"DNS", slices.Equal(i.DNS, j.DNS) && slices.Equal(i.Search, j.Search)},
		{"MTU", i.MTU == j.MTU},
		{"Table", i.Table == j.Table},
		{"SaveConfig", i.SaveConfig == j.SaveConfig},
		{"PreUp", slices.Equal(i.PreUp, j.PreUp)},
		{"PostUp", slices.Equal(i.PostUp, j.PostUp)},
		{"PreDown", slices.Equal(i.PreDown, j.PreDown)},
		{"PostDown", slices.Equal(i.PostDown, j.PostDown)},
		{"Peer", len(a.Peers) == len(b.Peers)},
	} {
		if !f.same {
			return f.key
		}
	}
	for n := range a.Peers {
		if key := peerDifference(&a.Peers[n], &b.Peers[n]); key != "" {
			return key
		}
	}
	return ""
}

func peerDifference(a, b *Peer) string {
	switch {
	case a.PublicKey != b.PublicKey:
		return "PublicKey"
	case !a.PresharedKey.Equal(b.PresharedKey):
		return "PresharedKey"
	case !slices.Equal(a.AllowedIPs, b.AllowedIPs):
		return "AllowedIPs"
	case a.Endpoint != b.Endpoint:
		return "Endpoint"
	case a.Keepalive != b.Keepalive:
		return "PersistentKeepalive"
	}
	return ""
}

// Clone returns a copy that shares nothing with c which can be changed.
func (c *Config) Clone() *Config {
	o := *c
	i := &o.Interface
	for _, list := range []*[]string{&i.Search, &i.PreUp, &i.PostUp, &i.PreDown, &i.PostDown} {
		*list = slices.Clone(*list)
	}
	i.Addresses, i.DNS = slices.Clone(i.Addresses), slices.Clone(i.DNS)
	o.Peers = slices.Clone(o.Peers)
	for n := range o.Peers {
		o.Peers[n].AllowedIPs = slices.Clone(o.Peers[n].AllowedIPs)
	}
	return &o
}
