// Package probe asks the world outside the tunnel: so far, where the name of
// an endpoint leads.
//
// What it sends carries the mark by which the system's routes and the guard
// know it, so that it never travels inside the tunnel. Every question is
// bounded in time, in number and in what it believes of the answer. It decides
// nothing and keeps nothing but the last good answers.
package probe
