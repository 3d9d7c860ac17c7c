// Package swap puts a file in the place of another in one step: a reader, and a
// crash, find the one or the other.
package swap
