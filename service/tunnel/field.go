package tunnel

import (
	"net/netip"
	"strconv"
	"strings"
)

// A field is one key of a .conf.
type field struct {
	in     section
	key    string // as wg-quick(8) writes it
	single bool   // it takes one value, and comes once
	read   func(p *parser, value string)
}

// fields are all the keys there are.
var fields = []field{
	{inInterface, "PrivateKey", true, (*parser).privateKey},
	{inInterface, "ListenPort", true, (*parser).listenPort},
	{inInterface, "FwMark", true, (*parser).fwMark},
	{inInterface, "Address", false, (*parser).address},
	{inInterface, "DNS", false, (*parser).dns},
	{inInterface, "MTU", true, (*parser).mtu},
	{inInterface, "Table", true, (*parser).table},
	{inInterface, "SaveConfig", true, (*parser).saveConfig},
	{inInterface, "PreUp", false, script(func(i *Interface) *[]string { return &i.PreUp })},
	{inInterface, "PostUp", false, script(func(i *Interface) *[]string { return &i.PostUp })},
	{inInterface, "PreDown", false, script(func(i *Interface) *[]string { return &i.PreDown })},
	{inInterface, "PostDown", false, script(func(i *Interface) *[]string { return &i.PostDown })},
	{inPeer, "PublicKey", true, (*parser).publicKey},
	{inPeer, "PresharedKey", true, (*parser).presharedKey},
	{inPeer, "AllowedIPs", false, (*parser).addAllowedIPs},
	{inPeer, "Endpoint", true, (*parser).endpoint},
	{inPeer, "PersistentKeepalive", true, (*parser).keepalive},
}

// peer is the one whose section this is.
func (p *parser) peer() *Peer { return &p.config.Peers[len(p.config.Peers)-1] }

func (p *parser) privateKey(v string) {
	switch {
	case v == Kept && p.edit.Before != nil:
		p.config.Interface.PrivateKey = p.edit.Before.Interface.PrivateKey
		return
	case v == Kept && p.edit.knows():
		p.refuse("there is no key here that could be kept; give one, or write %s", New)
		return
	case v == New && p.edit.NewKey != nil:
		p.config.Interface.PrivateKey = p.edit.NewKey()
		return
	}
	k, err := ParsePrivateKey(v)
	switch {
	case err != nil:
		p.refuse("%v; copy it again", err)
	case k.IsZero():
		p.refuse("the key is all zeros; put this computer's private key")
	}
	p.config.Interface.PrivateKey = k
}

func (p *parser) publicKey(v string) {
	k, err := ParsePublicKey(v)
	switch {
	case err != nil:
		p.refuse("%v; copy it again", err)
	case k.IsZero():
		p.refuse("the key is all zeros; put the server's public key")
	case p.peerAt[k] > 0:
		p.refuse("an earlier [Peer] has it already; join the two")
	default:
		p.peerAt[k] = p.line
	}
	p.peer().PublicKey = k
}

func (p *parser) presharedKey(v string) {
	if v == Kept && p.edit.knows() {
		p.keptAt[len(p.config.Peers)-1] = p.line // whose it is may come after it
		return
	}
	k, err := ParsePresharedKey(v)
	if err != nil {
		p.refuse("%v; copy it again", err)
	}
	p.peer().PresharedKey = k
}

// number reads a decimal number, and refuses what is not one from low to high.
func (p *parser) number(v string, low, high uint64) uint64 {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n < low || n > high {
		p.refuse("%s is not a number from %d to %d", quote(v), low, high)
	}
	return n
}

func (p *parser) listenPort(v string) { p.config.Interface.ListenPort = uint16(p.number(v, 0, 65535)) }

func (p *parser) mtu(v string) { p.config.Interface.MTU = int(p.number(v, minMTU, maxMTU)) }

func (p *parser) keepalive(v string) {
	if !strings.EqualFold(v, "off") {
		p.peer().Keepalive = uint16(p.number(v, 0, 65535))
	}
}

func (p *parser) fwMark(v string) {
	if strings.EqualFold(v, "off") {
		return
	}
	digits, base := v, 10
	if len(v) > 2 && strings.EqualFold(v[:2], "0x") {
		digits, base = v[2:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		p.refuse("%s is not a mark; write off, a number, or 0x and hexadecimal digits, up to 0xffffffff", quote(v))
	}
	p.config.Interface.FwMark = uint32(n)
}

func (p *parser) table(v string) {
	word := strings.ToLower(v)
	switch word {
	case "off", "auto", "main":
		p.config.Interface.Table = word
		return
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n == 0 {
		p.refuse("%s is not a table; write off, auto, main or a number from 1 to 4294967295", quote(v))
	}
	p.config.Interface.Table = strconv.FormatUint(n, 10)
}

func (p *parser) saveConfig(v string) {
	switch strings.ToLower(v) {
	case "true":
		p.config.Interface.SaveConfig = true
	case "false":
	default:
		p.refuse("%s is neither true nor false", quote(v))
	}
}

func script(lines func(*Interface) *[]string) func(*parser, string) {
	return func(p *parser, v string) {
		if len(v) > maxScript {
			p.refuse("the script is longer than %d bytes; put it into a file", maxScript)
		}
		l := lines(&p.config.Interface)
		*l = append(*l, v)
	}
}

func (p *parser) address(v string) {
	for _, s := range p.entries(spaced(v)) {
		prefix, err := parsePrefix(s)
		switch {
		case err != nil:
			p.refuse("%s %v", quote(s), err)
			continue
		case prefix.Addr().IsUnspecified() || prefix.Addr().IsMulticast():
			p.refuse("%s is not an address that an interface can have", quote(s))
			continue
		}
		p.config.Interface.Addresses = addNew(p.config.Interface.Addresses, prefix)
	}
	if len(p.config.Interface.Addresses) > maxAddresses {
		p.refuse("more than %d addresses; remove some", maxAddresses)
	}
}

func (p *parser) dns(v string) {
	i := &p.config.Interface
	for _, s := range p.entries(spaced(v)) {
		if !looksLikeAddr(s) {
			if err := checkDomain(s); err != nil {
				p.refuse("%s is neither an address nor a search domain: %v", quote(s), err)
				continue
			}
			i.Search = addNew(i.Search, s)
			continue
		}
		a, err := parseAddr(s)
		switch {
		case err != nil:
			p.refuse("%s %v", quote(s), err)
			continue
		case a.IsUnspecified() || a.IsMulticast():
			p.refuse("%s is not the address of a resolver", quote(s))
			continue
		}
		i.DNS = addNew(i.DNS, a)
	}
	if len(i.DNS) > maxDNS {
		p.refuse("more than %d resolvers; remove some", maxDNS)
	}
	if len(i.Search) > maxDNS {
		p.refuse("more than %d search domains; remove some", maxDNS)
	}
}

func (p *parser) addAllowedIPs(v string) {
	var more []netip.Prefix
	for _, s := range p.entries(v) {
		p.allowedIPs++
		if p.allowedIPs > maxAllowedIPs {
			p.refuse("more than %d networks for one peer; remove some", maxAllowedIPs)
			break
		}
		if strings.ContainsAny(s, " \t") {
			p.refuse("%s has spaces; put commas between networks", quote(s))
			continue
		}
		prefix, err := parsePrefix(s)
		if err != nil {
			p.refuse("%s %v", quote(s), err)
			continue
		}
		more = append(more, prefix.Masked())
	}
	p.peer().AllowedIPs = addNew(p.peer().AllowedIPs, more...)
}

func (p *parser) endpoint(v string) {
	e, err := parseEndpoint(v)
	if err != nil {
		p.refuse("%s %v", quote(v), err)
	}
	p.peer().Endpoint = e
}

// entries splits a list at its commas.
func (p *parser) entries(list string) []string {
	var out []string
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			p.refuse("an entry of the list is empty; remove the extra comma")
			return nil
		}
		out = append(out, s)
	}
	return out
}

// spaced puts commas for the spaces between entries, which wg-quick(8) takes for
// them in Address and DNS.
func spaced(v string) string {
	list := strings.Split(v, ",")
	for i, s := range list {
		list[i] = strings.Join(strings.Fields(s), ",")
	}
	return strings.Join(list, ",")
}
