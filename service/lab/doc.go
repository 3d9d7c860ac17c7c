// Package lab runs WireGuard servers inside this process, behind UDP paths
// whose faults can be switched on and off while traffic flows. Tests and
// `holdfast demo` use it to show what Holdfast does when a tunnel breaks.
//
// Everything is real but the wire: each server is a wireguard-go device with a
// TCP/IP stack of its own, and each path is a UDP relay on 127.0.0.1 that a
// client uses as its endpoint. Nothing listens beyond loopback and nothing
// needs privileges.
//
// Which packets a path loses or delays follows from the seed of the lab alone,
// so that a run can be repeated. The package never touches the system's
// addresses, routes or DNS, and it is no place for keys that matter.
package lab
