// Package leak is the laboratory that shows what leaves a computer outside its
// tunnel: a flood of packets, each of which says by a mark what it is, and
// captures that know the marks again wherever they are seen. What else is seen
// on the uplink is held against a short list of what may be.
//
// The tests in build/e2e make the world around it. It is in no program.
package leak
