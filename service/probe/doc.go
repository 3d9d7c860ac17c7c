// Package probe asks the world outside the tunnel: where the name of an
// endpoint leads, whether the router answers, how far the internet reaches,
// whether an endpoint's host is up, and which way the system would send.
//
// What it sends carries the mark by which the system's routes and the guard
// know it, so that it never travels inside the tunnel. While a question is
// asked, the guard is asked to let pass what goes to exactly its address. Every
// question is bounded in time, in number and in what it believes of the answer.
// It decides nothing and keeps nothing but the last good answers.
package probe
