package underlay

import "encoding/binary"

// Numbers of macOS' <net/route.h>: what a message of the routing socket is about,
// and flags of a route.
const (
	rtmAdd       = 0x1
	rtmDelete    = 0x2
	rtmChange    = 0x3
	rtmRedirect  = 0x6
	rtmNewAddr   = 0xc
	rtmDelAddr   = 0xd
	rtmIfInfo    = 0xe
	rtmIfInfo2   = 0x12
	rtfLLInfo    = 0x400
	rtfWasCloned = 0x20000
)

// Where a message of the routing socket has its kind, and one of a route its flags.
const (
	kindAt  = 3
	flagsAt = 8
)

// isNews says whether a message of the routing socket tells of a change. Answers to
// the questions of others do not, nor does what the system notes of single
// addresses as they are used.
func isNews(message []byte) bool {
	if len(message) < flagsAt+4 {
		return false
	}
	switch message[kindAt] {
	case rtmNewAddr, rtmDelAddr, rtmIfInfo, rtmIfInfo2, rtmRedirect:
		return true
	case rtmAdd, rtmDelete, rtmChange:
		return binary.NativeEndian.Uint32(message[flagsAt:])&(rtfLLInfo|rtfWasCloned) == 0
	default:
		return false
	}
}
