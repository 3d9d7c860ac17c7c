//go:build !linux && !darwin

package main

// openByHand is empty: Windows has no command for it.
const openByHand = ""
