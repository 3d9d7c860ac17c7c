package daemon

import (
	"testing"

	"holdfast/service/library"
	"holdfast/service/status"
	"holdfast/service/tunnel"
)

// What a killed process left is cleaned up where no tunnel takes it over: also
// where the one that is wished for is gone.
func TestWhoFollowsAKilledProcess(t *testing.T) {
	l, err := library.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := tunnel.Parse([]byte("[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\nAddress = 10.0.0.2/32\n" +
		"[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 0.0.0.0/0\nEndpoint = 192.0.2.1:51820\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Save("nl", cfg, false); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		wish status.Wish
		want bool
	}{
		{status.Wish{}, false},
		{status.Wish{Target: "nl"}, false},
		{status.Wish{On: true, Target: "nl"}, true},
		{status.Wish{On: true, Target: "gone"}, false},
	} {
		if got := (&Daemon{library: l, wish: tt.wish}).follows(); got != tt.want {
			t.Errorf("%+v: follows is %v, want %v", tt.wish, got, tt.want)
		}
	}
}
