package daemon

// groups are those of the system whose members may act. A Mac makes its
// administrators members of the second.
var groups = []string{"holdfast", "admin"}
