//go:build !cgo && typecheck

package main

// newFace serves the tag typecheck, which checks types for another system and
// makes nothing that runs; face_needs_cgo_darwin.go fails every other build.
func newFace(faceOptions) face { return nil }
