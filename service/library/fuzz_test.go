package library

import "testing"

func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		"", newDocument().render(),
		"[settings]\nprofile = \"classic\"\nmax_cycles = 4\nauto_failback = false\n[groups]\nhome = [\"nl\", \"de\"]\n\"a.b\" = [\"x\"]\n",
		"settings = { mtu = 1300 }\ngroups = {}\n", "[groups]\nHOME = [\"a\"]\nhome = [\"a\"]\n", "[[groups]]\n", "[settings.profile]\n", "x.y.z = 1\n",
		"[groups]\nhome = [[\"a\"]]\n", "groups.home = [\"a\"]\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDocument(text)
		if err != nil {
			return
		}
		again, err := parseDocument([]byte(d.render()))
		if err != nil || !again.equal(d) {
			t.Fatalf("written out, it reads back differently: %v\n%s", err, d.render())
		}
	})
}
