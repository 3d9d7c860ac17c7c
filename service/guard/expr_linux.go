package guard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rule is one line of a chain.
type rule struct {
	// exprs are the expressions as they are sent. A rule that was read has none.
	exprs []byte
	// text is the canonical form, which is the same as sent and as read back.
	text string
}

// Registers of 16 bytes each, and the words of four bytes that are the same
// memory. The kernel tells of a word at a 16 byte boundary by the first name.
const (
	reg1      = unix.NFT_REG_1
	reg1word1 = unix.NFT_REG32_01
	reg1word2 = unix.NFT_REG32_02
	reg2      = unix.NFT_REG_2
	reg2word1 = unix.NFT_REG32_05
)

// newRule makes a rule of matches and what to do with what they match.
func newRule(parts ...[]expr.Any) rule {
	var list []netlink.Attribute
	for _, e := range slices.Concat(parts...) {
		b, err := expr.Marshal(unix.NFPROTO_INET, e)
		if err != nil {
			panic(err) // the rules are the same everywhere: a test would fail
		}
		list = append(list, netlink.Attribute{Type: unix.NFTA_LIST_ELEM, Data: plain(b)})
	}
	b, err := netlink.MarshalAttributes(list)
	if err != nil {
		panic(err)
	}
	text, err := canonical(b)
	if err != nil {
		panic(err)
	}
	return rule{exprs: b, text: text}
}

// plain takes away the marks of nested attributes, which the kernel does not
// need, and does not set where it tells of a rule.
func plain(b []byte) []byte {
	for rest := b; len(rest) >= unix.SizeofNlAttr; {
		size, kind := binary.NativeEndian.Uint16(rest), binary.NativeEndian.Uint16(rest[2:])
		if kind&unix.NLA_F_NESTED != 0 {
			binary.NativeEndian.PutUint16(rest[2:], kind&^unix.NLA_F_NESTED)
			plain(rest[unix.SizeofNlAttr:size])
		}
		rest = rest[min(len(rest), int(size+3)&^3):]
	}
	return b
}

// canonical is what a rule says whoever encoded it: its expressions with their
// attributes in order, less those that are zero, which the kernel adds, and
// less what it has counted.
func canonical(exprs []byte) (string, error) {
	list, err := netlink.UnmarshalAttributes(exprs)
	var text []byte
	for i := range list {
		if text, err = appendExpr(text, list[i].Data); err != nil {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("read a rule: %w", err)
	}
	return string(text), nil
}

func appendExpr(text, expression []byte) ([]byte, error) {
	parts, err := netlink.UnmarshalAttributes(expression)
	if err != nil {
		return nil, err
	}
	var data []netlink.Attribute
	for _, p := range parts {
		switch p.Type {
		case unix.NFTA_EXPR_NAME:
			text = append(text, cString(p.Data)...)
		case unix.NFTA_EXPR_DATA:
			if data, err = netlink.UnmarshalAttributes(p.Data); err != nil {
				return nil, err
			}
		}
	}
	if bytes.HasSuffix(text, []byte("counter")) {
		data = nil
	}
	slices.SortFunc(data, func(a, b netlink.Attribute) int { return int(a.Type) - int(b.Type) })
	for _, d := range data {
		if len(bytes.Trim(d.Data, "\x00")) > 0 {
			text = append(strconv.AppendUint(append(text, ' '), uint64(d.Type), 10), '=')
			text = hex.AppendEncode(text, d.Data)
		}
	}
	return append(text, '\n'), nil
}

func cString(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// The matches. Each is a list, so that they can be joined.

func meta(key expr.MetaKey, reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} }

func load(base expr.PayloadBase, offset, size, reg uint32) expr.Any {
	return &expr.Payload{Base: base, Offset: offset, Len: size, DestRegister: reg}
}

func network(offset, size, reg uint32) expr.Any {
	return load(expr.PayloadBaseNetworkHeader, offset, size, reg)
}

func transport(offset, size, reg uint32) expr.Any {
	return load(expr.PayloadBaseTransportHeader, offset, size, reg)
}

func equal(b ...byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: b} }

func in(set string) expr.Any { return &expr.Lookup{SourceRegister: reg1, SetName: set} }

// number is a value that the kernel keeps in the machine's own byte order.
func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func match(e ...expr.Any) []expr.Any { return e }

func proto(set string) []expr.Any { return match(meta(expr.MetaKeyNFPROTO, reg1), in(set)) }
func nfproto(p byte) []expr.Any   { return match(meta(expr.MetaKeyNFPROTO, reg1), equal(p)) }
func l4proto(p byte) []expr.Any   { return match(meta(expr.MetaKeyL4PROTO, reg1), equal(p)) }
func ifname(k expr.MetaKey, name string) []expr.Any {
	var padded [unix.IFNAMSIZ]byte
	copy(padded[:], name)
	return match(meta(k, reg1), equal(padded[:]...))
}
func loopback(k expr.MetaKey) []expr.Any { return match(meta(k, reg1), equal(number(1)...)) } // lo is 1 in every namespace

func addr4(offset uint32, set string) []expr.Any {
	return append(nfproto(unix.NFPROTO_IPV4), network(offset, 4, reg1), in(set))
}

func addr6(offset uint32, set string) []expr.Any {
	return append(nfproto(unix.NFPROTO_IPV6), network(offset, 16, reg1), in(set))
}

// Offsets of the addresses in the headers of IPv4 and IPv6.
const (
	saddr4, daddr4 = 12, 16
	saddr6, daddr6 = 8, 24
)

// What to do.

func verdict(kind expr.VerdictKind, chain string) []expr.Any {
	return match(&expr.Verdict{Kind: kind, Chain: chain})
}

func jump(chain string) []expr.Any  { return verdict(expr.VerdictJump, chain) }
func enter(chain string) []expr.Any { return verdict(expr.VerdictGoto, chain) }

var (
	accept   = verdict(expr.VerdictAccept, "")
	drop     = append(match(&expr.Counter{}), verdict(expr.VerdictDrop, "")...)
	refuse   = enter("refuse")
	goesBack = verdict(expr.VerdictReturn, "")
)
