// Package diagnose turns what was seen around a tunnel into the one cause that
// explains it, and into a list of what was looked at.
//
// The knowledge stands in one table, the matrix: a row for every cause, with
// what must have been seen for it, when that is certain, and what it hides.
// Judge walks through it from the top.
//
// It is pure: it does no I/O, starts no goroutine and never reads the clock.
// What it is told was collected by others. It never claims more than the
// evidence shows: from one silent server alone, a dead server and a refused key
// cannot be told apart.
package diagnose
