package control

// bearer is what a Windows token says of who bears it.
type bearer struct {
	system bool // it is SYSTEM itself
	self   bool // it is the account the service runs as
	// distrusted says that it was made for code that is not trusted: it is of low
	// integrity, restricted, or of an app container.
	distrusted bool
	// admin says that it is a member of Administrators and may act as one, and
	// elevated that it was made for that.
	admin, elevated bool
	// limited says that it is the lesser of an administrator's two tokens: its
	// membership serves to deny alone.
	limited bool
	// network says that it is a member of Network Configuration Operators.
	network bool
}

// role is what the bearer may do: an administrator who has not elevated is trusted
// with the tunnels, but not with keys, nor with the guard.
func (b bearer) role() Role {
	switch {
	case b.distrusted:
		return None
	case b.system, b.self, b.admin && b.elevated:
		return Admin
	case b.admin, b.limited, b.network:
		return Operator
	}
	return Viewer
}
