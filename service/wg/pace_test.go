//go:build !race

package wg

import "testing"

func needsPace(*testing.T) {}
