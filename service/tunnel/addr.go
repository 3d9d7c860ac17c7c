package tunnel

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var (
	errAddr   = errors.New("is not an IP address; write it like 10.0.0.2 or fd00::2")
	errZone   = errors.New("has a zone; remove the % and what follows")
	errMapped = errors.New("is an IPv4 address inside an IPv6 one; write the IPv4 address alone")
	errLength = errors.New("has no valid length; after the slash write 0 to 32 for IPv4, 0 to 128 for IPv6")
)

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, errAddr
	case a.Zone() != "":
		return netip.Addr{}, errZone
	case a.Is4In6():
		return netip.Addr{}, errMapped
	}
	return a, nil
}

// parsePrefix reads an address with or without the length of its network, and
// keeps its host bits.
func parsePrefix(s string) (netip.Prefix, error) {
	host, length, found := strings.Cut(s, "/")
	a, err := parseAddr(host)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !found {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := strconv.ParseUint(length, 10, 8)
	if err != nil || n > uint64(a.BitLen()) {
		return netip.Prefix{}, errLength
	}
	return netip.PrefixFrom(a, int(n)), nil
}

func parseEndpoint(v string) (Endpoint, error) {
	i := strings.LastIndexByte(v, ':')
	if i < 0 || strings.HasSuffix(v, "]") {
		return Endpoint{}, errors.New("has no port; write it like vpn.example.com:51820")
	}
	host, port := v[:i], v[i+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Endpoint{}, errors.New("has no valid port; after the last colon write a number from 1 to 65535")
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		if inner, bracketed = strings.CutSuffix(inner, "]"); !bracketed || !strings.Contains(inner, ":") {
			return Endpoint{}, errors.New("has brackets around something else than an IPv6 address; write it like [2001:db8::1]:51820")
		}
	} else if strings.Contains(host, ":") {
		return Endpoint{}, errors.New("has several colons; put brackets around an IPv6 address, like [2001:db8::1]:51820")
	}
	if !looksLikeAddr(inner) {
		if err := checkDomain(inner); err != nil {
			return Endpoint{}, fmt.Errorf("is not an address or name with a port: %w", err)
		}
		return Endpoint{Host: inner, Port: uint16(n)}, nil
	}
	a, err := parseAddr(inner)
	if err != nil {
		return Endpoint{}, err
	}
	if a.IsUnspecified() || a.IsMulticast() {
		return Endpoint{}, errors.New("is not an address that a server can have")
	}
	return Endpoint{Host: a.String(), Port: uint16(n)}, nil
}

// looksLikeAddr says that s can only be meant as an address, by the rule of
// wg-quick: digits and dots, or a colon somewhere.
func looksLikeAddr(s string) bool {
	return strings.Contains(s, ":") || strings.Trim(s, "0123456789.") == ""
}
