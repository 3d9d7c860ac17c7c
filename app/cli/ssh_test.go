package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"holdfast/web"
)

// TestUpOverSSH: who would lose their session is told before, and nobody else.
func TestUpOverSSH(t *testing.T) {
	for _, tt := range []struct{ ssh, guard, lan, says string }{
		{"192.168.1.7 50000 192.168.1.2 22", "auto", "false", "allow_lan=true"},
		{"fe80::1%eth0 50000 fe80::2%eth0 22", "always", "false", "allow_lan=true"},
		{"192.168.1.7 50000 192.168.1.2 22", "auto", "true", ""},
		{"192.168.1.7 50000 192.168.1.2 22", "off", "false", ""},
		{"203.0.113.7 50000 192.0.2.2 22", "auto", "true", "guard off"},
		{"127.0.0.1 50000 127.0.0.1 22", "auto", "false", ""},
		{"nonsense", "auto", "false", ""},
		{"", "auto", "false", ""},
	} {
		_, f := startReal(t, web.Admin)
		if code, _, stderr := runIn(t, f, "", "settings", "set", "guard="+tt.guard, "allow_lan="+tt.lan); code != exitDone {
			t.Fatal(stderr)
		}
		var out, errs bytes.Buffer
		p := &program{in: strings.NewReader(""), out: &out, err: &errs, env: func(key string) string {
			return map[string]string{"HOLDFAST_SOCKET": f.socket, "SSH_CONNECTION": tt.ssh}[key]
		}}
		if code := p.run(context.Background(), []string{"up", "home"}); code != exitDone {
			t.Errorf("%+v: exit code %d: %s", tt, code, errs.String())
		}
		if got := errs.String(); (tt.says == "") == strings.Contains(got, "SSH") || !strings.Contains(got, tt.says) {
			t.Errorf("%+v: says %q", tt, got)
		}
	}
}
