// Package sim runs the whole of what decides against a modelled world, beside
// models of the detectors of other programs on the same worlds, and counts what
// each made of them.
//
// A World is a client with one active device, three servers it can use, the
// paths to them and the network below, in virtual time: a queue of events, so
// that a stretch in which nothing happens costs nothing. WireGuard's timers are
// those of wireguard-go; what the taps of a device would tell is told as
// tunnel.Counters. A Contender sees only that, and acts through Hands.
//
// Worlds are made from numbers: the same number is the same world, whoever runs
// in it. Nothing here reads the clock or the network, and none of it ships.
package sim
