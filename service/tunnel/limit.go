package tunnel

// What a .conf may hold at most. A file beyond one of them is refused, so that
// no file can cost more than a moment to read.
const (
	MaxBytes = 256 << 10 // of the file as it comes, and of its text as UTF-8

	maxLines      = 512
	maxLine       = 4 << 10 // bytes of UTF-8
	maxScript     = 4000    // bytes of one script: a line, less its key
	maxPeers      = 64
	maxAllowedIPs = 256 // of one peer
	maxAddresses  = 16
	maxDNS        = 8 // addresses, and as many search domains
	maxProblems   = 100
)

// minMTU and maxMTU bound the MTU in bytes: what IPv4 guarantees, and a jumbo
// frame. IPv6 needs minMTUv6.
const (
	minMTU   = 576
	minMTUv6 = 1280
	maxMTU   = 9000
)
