package wg

import "testing"

// bulk is a batch as a fast transfer makes it: full TCP segments of one
// connection, one after the other.
func bulk(payload int, out bool) (bufs [][]byte, sizes []int) {
	for i := range uint32(endlessBatch) {
		p := ipv4(protoTCP, clientAddr, serverAddr, 0, tcpPacket(999, 80, 1+i*uint32(payload), 1, flagACK, payload))
		if !out {
			p = ipv4(protoTCP, serverAddr, clientAddr, 0, tcpPacket(80, 999, 1, 1+i, flagACK, payload))
		}
		bufs, sizes = append(bufs, append(make([]byte, testOffset), p...)), append(sizes, len(p))
	}
	return bufs, sizes
}

// BenchmarkTraffic is what looking at the headers costs, for each packet of a batch.
func BenchmarkTraffic(b *testing.B) {
	s, _ := newTestSwitch(b, newScripted())
	for _, bb := range []struct {
		name    string
		payload int
		out     bool
	}{
		{"upload", 1380, true}, {"its acknowledgements", 0, false},
		{"download", 1380, false}, {"its acknowledgements sent", 0, true},
	} {
		p := s.addPort()
		bufs, sizes := bulk(bb.payload, bb.out)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			batch := make([][]byte, len(bufs))
			for b.Loop() {
				copy(batch, bufs)
				if bb.out {
					p.marks.reused(batch)
					p.traffic.leave(batch, sizes, testOffset, 1)
					p.traffic.waitingAt.Store(0) // what comes in between does it
				} else {
					p.look(batch, testOffset, sinceBegan())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/endlessBatch, "ns/packet")
		})
	}
}
