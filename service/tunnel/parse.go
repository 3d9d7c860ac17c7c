package tunnel

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads a wg-quick .conf. The text is UTF-8 with or without a byte order
// mark, or UTF-16 with one; lines end with LF or CR LF. On failure the error is
// Problems: everything that is wrong, each with its line.
//
// Sections and keys are those of wg-quick(8) and wg(8), in any case. All else
// is refused, never skipped. What may look different from what one expects:
//
//   - A # begins a comment wherever it stands, as in wg-quick: also in a script.
//   - [Interface] may be repeated, as wg allows, and then adds to what is
//     there. Keys that take one value are refused when they come twice.
//   - Address, DNS and AllowedIPs take several values between commas (the first
//     two between spaces also), and may be repeated; what is there twice is kept
//     once. Address keeps its host bits; AllowedIPs lose theirs, as in wg:
//     10.0.0.7/24 becomes 10.0.0.0/24. Without a length both mean the one address.
//   - An entry of DNS that is not an address is a search domain.
//   - Scripts are kept as they are. Nothing here or elsewhere runs them.
func Parse(text []byte) (*Config, error) { return Edit{}.Parse(text) }

// Parse reads a text that was edited.
func (e Edit) Parse(text []byte) (*Config, error) {
	p := &parser{edit: e, single: map[string]int{}, peerAt: map[PublicKey]int{}, keptAt: map[int]int{}}
	if p.parse(text); len(p.problems) > 0 {
		slices.SortStableFunc(p.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, p.problems
	}
	return &p.config, nil
}

// section is where in the .conf a line stands.
type section uint8

const (
	beforeAny section = iota
	inInterface
	inPeer
	inUnknown // what stands there was refused with its heading
)

type parser struct {
	edit     Edit
	config   Config
	problems Problems

	line    int
	section section
	key     string // of this line

	interfaceAt int            // line of the first [Interface]; 0: none yet
	single      map[string]int // the keys of [Interface] seen so far, and their line

	peerHeads  []int             // line of each [Peer]
	peerSingle map[string]int    // as single, for the current [Peer]
	peerAt     map[PublicKey]int // line of each public key
	allowedIPs int               // entries of the current peer, repeated ones included
	keptAt     map[int]int       // line where a preshared key is kept, by the peer's place
}

// refuse notes a problem with the current line.
func (p *parser) refuse(format string, args ...any) { p.refuseAt(p.line, p.key, format, args...) }

func (p *parser) refuseAt(line int, key, format string, args ...any) {
	switch {
	case len(p.problems) < maxProblems:
		p.problems = append(p.problems, Problem{Line: line, Key: key, Message: fmt.Sprintf(format, args...)})
	case len(p.problems) == maxProblems:
		p.problems = append(p.problems, Problem{Line: line, Message: "there is more; mend what is above first"})
	}
}

func (p *parser) parse(text []byte) {
	if len(text) > MaxBytes {
		p.refuseAt(1, "", "the file is larger than 256 KiB; this is not a WireGuard config")
		return
	}
	whole := strings.TrimSuffix(decode(text), "\n")
	if len(whole) > MaxBytes {
		p.refuseAt(1, "", "the text is larger than 256 KiB; this is not a WireGuard config")
		return
	}
	for line := range strings.SplitSeq(whole, "\n") {
		p.line++
		p.key = ""
		if p.line > maxLines {
			p.refuse("the file has more than %d lines; remove some", maxLines)
			break
		}
		p.readLine(strings.TrimSuffix(line, "\r"))
	}
	p.finish()
}

func (p *parser) readLine(line string) {
	if fault := lineFault(line); fault != "" {
		p.refuse("%s", fault)
		return
	}
	line, _, _ = strings.Cut(line, "#")
	line = strings.TrimSpace(line)
	switch {
	case line == "":
	case line[0] == '[':
		p.heading(line)
	case p.section == inUnknown:
	default:
		p.assignment(line)
	}
}

func (p *parser) heading(line string) {
	name, closed := strings.CutSuffix(line[1:], "]")
	name = strings.TrimSpace(name)
	switch {
	case closed && strings.EqualFold(name, "Interface"):
		p.section = inInterface
		if p.interfaceAt == 0 {
			p.interfaceAt = p.line
		}
	case closed && strings.EqualFold(name, "Peer"):
		p.startPeer()
	case closed:
		p.section = inUnknown
		p.refuse("unknown section %s; there are [Interface] and [Peer]", quote(name))
	default:
		p.section = inUnknown
		p.refuse("the section's name is not closed; write [Interface] or [Peer]")
	}
}

func (p *parser) startPeer() {
	p.closePeer()
	if len(p.config.Peers) == maxPeers {
		p.section = inUnknown
		p.refuse("more than %d peers; remove some", maxPeers)
		return
	}
	p.section = inPeer
	p.config.Peers = append(p.config.Peers, Peer{})
	p.peerHeads = append(p.peerHeads, p.line)
	p.peerSingle = map[string]int{}
	p.allowedIPs = 0
}

// closePeer checks what can only be known when a [Peer] has ended.
func (p *parser) closePeer() {
	if len(p.config.Peers) == 0 || p.peerSingle["PublicKey"] > 0 {
		return
	}
	p.refuseAt(p.peerHeads[len(p.peerHeads)-1], "PublicKey", "this [Peer] has none; add the server's public key")
	p.peerSingle["PublicKey"] = p.line // said once
}

func (p *parser) assignment(line string) {
	key, value, found := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	// The end of a wrapped key looks like a key without a value: never repeat it.
	if !found || !keyShape.MatchString(key) || value == "" && !isKey(key) {
		p.refuse("the line is not of the form Key = value; mend or remove it")
		return
	}
	at := slices.IndexFunc(fields, func(f field) bool { return f.in == p.section && strings.EqualFold(f.key, key) })
	if at < 0 {
		p.misplaced(key)
		return
	}
	f := fields[at]
	p.key = f.key
	if f.single {
		seen := p.single
		if f.in == inPeer {
			seen = p.peerSingle
		}
		if first := seen[f.key]; first > 0 {
			p.refuse("it is in line %d already; keep one of the two", first)
			return
		}
		seen[f.key] = p.line
	}
	if value == "" {
		p.refuse("there is no value; give one, or remove the line")
		return
	}
	f.read(p, value)
}

// misplaced refuses a key that this section does not have.
func (p *parser) misplaced(key string) {
	at := slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.key, key) })
	switch {
	case at < 0:
		p.refuse("unknown key %s; mend its spelling, or remove the line", quote(key))
	case fields[at].in == inPeer:
		p.key = fields[at].key
		p.refuse("it belongs under [Peer]; move it there")
	default:
		p.key = fields[at].key
		p.refuse("it belongs under [Interface]; move it there")
	}
}

// finish checks what can only be known at the end.
func (p *parser) finish() {
	p.closePeer()
	p.keepShared()
	p.key = ""
	if p.interfaceAt == 0 {
		p.refuseAt(1, "", "there is no [Interface] section; this is not a WireGuard config")
		return
	}
	if p.single["PrivateKey"] == 0 {
		p.refuseAt(p.interfaceAt, "PrivateKey", "there is none; add this computer's private key")
	}
	if len(p.config.Peers) == 0 {
		p.refuseAt(p.interfaceAt, "", "there is no [Peer] section; add the server's")
	}
	if private := p.config.Interface.PrivateKey; !private.IsZero() {
		if at := p.peerAt[private.Public()]; at > 0 {
			p.refuseAt(at, "PublicKey", "this is the tunnel's own public key; put the server's")
		}
	}
	if len(p.problems) == 0 && !fits(p.config.Render()) {
		p.refuse("written out, the config has more than %d lines or 256 KiB; remove some peers", maxLines)
	}
}

// fits says that a rendered config is within the limits of a file.
func fits(text string) bool {
	return len(text) <= MaxBytes && strings.Count(text, "\n") <= maxLines
}

// isKey says that some section has this key.
func isKey(key string) bool {
	return slices.ContainsFunc(fields, func(f field) bool { return strings.EqualFold(f.key, key) })
}

// addNew appends those of more that are not in list yet, in their order.
func addNew[T comparable](list []T, more ...T) []T {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}
