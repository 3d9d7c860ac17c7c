package probe

import "testing"

// The network's name servers are known without a file.
func TestServersOfInterfaces(t *testing.T) {
	r := NewResolver(Options{})
	r.Remember()
	servers := r.NameServers()
	t.Log(servers)
	if len(servers) == 0 {
		t.Skip("needs a network that names a name server")
	}
	none := NewResolver(Options{Ours: func(string) bool { return true }})
	none.Remember()
	if got := none.NameServers(); len(got) != 0 {
		t.Errorf("every interface is ours: got %v", got)
	}
}
