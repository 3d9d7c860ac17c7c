package control

// systemGroups are the groups in which a Mac has nobody but root: wheel, and daemon,
// which may write to /var/run.
var systemGroups = []int{0, 1}
