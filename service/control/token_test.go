package control

import "testing"

func TestRoleOfABearer(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    bearer
		want Role
	}{
		{"SYSTEM", bearer{system: true}, Admin},
		{"the service's own account", bearer{self: true}, Admin},
		{"an elevated administrator", bearer{admin: true, elevated: true}, Admin},
		{"an administrator who has not elevated", bearer{limited: true}, Operator},
		{"a member of Administrators without elevation", bearer{admin: true}, Operator},
		{"somebody elevated who is no administrator", bearer{elevated: true}, Viewer},
		{"a network operator", bearer{network: true}, Operator},
		{"anybody", bearer{}, Viewer},
		{"a browser in its box", bearer{distrusted: true}, None},
		{"an administrator's program in a box", bearer{distrusted: true, admin: true, elevated: true}, None},
		{"our own program in a box", bearer{distrusted: true, self: true}, None},
	} {
		if got := tt.b.role(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
