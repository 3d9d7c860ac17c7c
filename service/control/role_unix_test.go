//go:build unix

package control

import (
	"os"
	"testing"
)

func TestRoles(t *testing.T) {
	known := person{ours: []string{"777", "80"}}
	self := os.Geteuid()
	for _, c := range []struct {
		name string
		peer Peer
		want Role
	}{
		{"root", Peer{UID: 0, GID: 0}, Admin},
		{"ourselves", Peer{UID: self, GID: 1}, Admin},
		{"nobody", Peer{UID: -1, GID: 777}, None},
		{"primary group", Peer{UID: self + 1, GID: 777}, Operator},
		{"the other group of administrators", Peer{UID: self + 1, GID: 80}, Operator},
		{"another group", Peer{UID: self + 1, GID: 778}, Viewer},
		{"a token", Peer{UID: -1, SID: "S-1-5-18", token: Admin}, Admin},
		{"a token that is distrusted", Peer{UID: -1, SID: "S-1-5-21", token: None}, None},
	} {
		r := &Roles{Groups: []string{"g"}, lookup: func(int) person { return known }}
		if got := r.Role(c.peer); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
