package guard

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the diff")

// TestDrawing compares what Windows and macOS are given for every kind of set
// with how it is drawn, for readers.
func TestDrawing(t *testing.T) {
	permits := []permit{
		{protocolUDP, netip.MustParseAddrPort("203.0.113.9:51820")},
		{protocolTCP, netip.MustParseAddrPort("[2001:db8::1]:443")},
		{protocolICMP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 0)},
	}
	for name, m := range map[string]meant{
		"held":        {set: full(), permits: permits},
		"held-lan":    {set: withLAN(full()), permits: permits},
		"held-split":  {set: withLAN(split()), permits: permits},
		"held-paused": {set: paused(full(), 60), permits: permits, paused: time.Minute},
		"blocked":     {set: blocked(), permits: permits},
		"open":        {set: open(), permits: permits},
	} {
		for path, got := range map[string]string{
			name + ".wfp.txt": drawn(wfpFilters(m, modelSelf)),
			name + ".pf.txt":  pfText(m),
		} {
			path = filepath.Join("testdata", path)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs:\n%s", path, got)
			}
		}
	}
}

func pfText(m meant) string {
	rules := pfWrite(m, "utun7", 0)
	return rules.text()
}
