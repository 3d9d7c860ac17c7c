//go:build unix && !darwin

package control

// systemGroups are none: the folder of the socket is ours alone.
var systemGroups []int
