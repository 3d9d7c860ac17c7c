package sim

import (
	"bytes"
	"testing"
	"time"
)

// The same seed gives the same report, byte for byte, however many worlds are
// run at once.
func TestReportIsTheSameForASeed(t *testing.T) {
	classes := append(Healthy(5*time.Minute), Faults(1)[:12]...)
	var reports [2]bytes.Buffer
	for i := range reports {
		var rows [][]Row
		for _, c := range classes {
			rows = append(rows, c.Play(7, Contenders(), 1+3*i))
		}
		if err := Report(&reports[i], 7, "a test", classes, rows); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(reports[0].Bytes(), reports[1].Bytes()) {
		t.Error("two reports of one seed differ")
	}
	if reports[0].Len() < 10_000 {
		t.Errorf("a report of %d bytes", reports[0].Len())
	}
}
