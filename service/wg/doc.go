// Package wg runs the WireGuard devices: one interface, created once per
// connection, and behind it as many devices as members are needed, each with
// its own session and its own UDP socket.
//
// A switch decides which device reads from the interface. Every other device
// is a standby: it keeps its session and can be promoted without a handshake.
// Two taps count what passes: one on the UDP side (packet types, never
// content), one on the interface's side (decrypted packets, and of them the
// headers alone). An idle tunnel costs no timer and no poll of this package.
//
// A device can be asked for a round trip while its session goes on: by handshake
// initiations beside the session, whose answers the tap takes out before the
// device sees them, and by echoes inside the tunnel.
//
// A device sends to the endpoints of its peers and to where it is told to ask, and
// has the guard permit each of these places while it does.
//
// The package builds what it is told to build and says what happened. It never
// decides whether a tunnel is well, never touches addresses, routes or DNS, and
// never logs a key, an address or a config.
package wg
