package lab

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// run sends n datagrams, every apart, and returns when each is handed on; -1 for
// those that are lost.
func run(h *hop, n, size int, every time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		at, drop := h.decide(time.Duration(i)*every, size)
		if out[i] = at; drop != "" {
			out[i] = -1
		}
	}
	return out
}

func hopWith(seed uint64, l Link) *hop {
	h := newHop(seed, 1)
	h.set(0, l)
	return h
}

func lostShare(times []time.Duration) float64 {
	lost := 0
	for _, at := range times {
		if at < 0 {
			lost++
		}
	}
	return float64(lost) / float64(len(times))
}

func TestAPerfectLinkHandsOnAtOnce(t *testing.T) {
	t.Parallel()
	for i, at := range run(hopWith(0, Link{}), 100, 1000, time.Millisecond) {
		if want := time.Duration(i) * time.Millisecond; at != want {
			t.Fatalf("datagram %d left at %v, want %v", i, at, want)
		}
	}
}

func TestLossIsWhatItIsSetTo(t *testing.T) {
	t.Parallel()
	for _, want := range []float64{0.01, 0.05, 0.2, 0.5, 1} {
		got := lostShare(run(hopWith(3, Link{Loss: want}), 100_000, 100, time.Millisecond))
		if slack := 5 * math.Sqrt(want*(1-want)/100_000); math.Abs(got-want) > slack {
			t.Errorf("got loss %.4f, want %.4f within %.4f", got, want, slack)
		}
	}
}

func TestLossIsIndependent(t *testing.T) {
	t.Parallel()
	times := run(hopWith(4, Link{Loss: 0.2}), 100_000, 100, time.Millisecond)
	pairs := 0
	for i := range times[1:] {
		if times[i] < 0 && times[i+1] < 0 {
			pairs++
		}
	}
	if got := float64(pairs) / float64(len(times)-1); math.Abs(got-0.04) > 0.005 {
		t.Errorf("two in a row are lost with %.4f, want 0.04", got)
	}
}

func TestLatencyAndJitterAreWhatTheyAreSetTo(t *testing.T) {
	t.Parallel()
	// A second between datagrams: none waits for another.
	times := run(hopWith(5, Link{Latency: 40 * time.Millisecond, Jitter: 20 * time.Millisecond}), 20_000, 100, time.Second)
	var sum time.Duration
	low, high := time.Hour, time.Duration(0)
	for i, at := range times {
		took := at - time.Duration(i)*time.Second
		sum, low, high = sum+took, min(low, took), max(high, took)
	}
	mean := sum / time.Duration(len(times))
	if low < 40*time.Millisecond || high >= 60*time.Millisecond || (mean-50*time.Millisecond).Abs() > time.Millisecond {
		t.Errorf("got delays from %v to %v, mean %v; want 40 ms to 60 ms, mean 50 ms", low, high, mean)
	}
}

func TestJitterAloneKeepsTheOrder(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(run(hopWith(6, Link{Jitter: 100 * time.Millisecond}), 10_000, 100, time.Millisecond)) {
		t.Error("jitter changed the order")
	}
}

func TestReorderedDatagramsAreOvertaken(t *testing.T) {
	t.Parallel()
	times := run(hopWith(7, Link{Latency: 10 * time.Millisecond, Reorder: 0.1}), 10_000, 100, time.Millisecond)
	overtaken := 0
	for i := range times[1:] {
		if times[i] > times[i+1] {
			overtaken++
		}
	}
	// A held one that another held one follows is not overtaken by it.
	if got := float64(overtaken) / float64(len(times)); math.Abs(got-0.09) > 0.015 {
		t.Errorf("got %.3f overtaken, want about 0.09", got)
	}
}

func TestGapsAreAsLongAndAsFrequentAsSet(t *testing.T) {
	t.Parallel()
	g := newHop(8, 1).gaps
	g.start(0, Burst{Every: 10 * time.Second})
	var lengths []time.Duration
	var free, last time.Duration
	for range 20_000 {
		lengths = append(lengths, g.to-g.from)
		free += g.from - last
		last = g.to
		g.next(last)
	}
	slices.Sort(lengths)
	if low, high := lengths[0], lengths[len(lengths)-1]; low < 200*time.Millisecond || high > 3*time.Second {
		t.Errorf("gaps last from %v to %v, want 0.2 s to 3 s", low, high)
	}
	// Evenly spread logarithms have the geometric mean as their median.
	if median, want := lengths[len(lengths)/2].Seconds(), math.Sqrt(0.2*3); math.Abs(median-want) > 0.03 {
		t.Errorf("the median gap is %.3f s, want %.3f s", median, want)
	}
	if mean := (free / 20_000).Seconds(); math.Abs(mean-10) > 0.4 {
		t.Errorf("%.2f s pass between gaps, want 10 s", mean)
	}
}

func TestAGapLosesAllAndTheRestPasses(t *testing.T) {
	t.Parallel()
	h := hopWith(9, Link{Burst: Burst{Every: 5 * time.Second}})
	lost, run := 0, 0
	var runs []int
	for i := range 600_000 {
		if _, drop := h.decide(time.Duration(i)*time.Millisecond, 100); drop == DropBurst {
			lost++
			run++
		} else if run > 0 {
			runs = append(runs, run)
			run = 0
		}
	}
	// The mean of the gaps is (3-0.2)/ln 15 = 1.03 s.
	if share, want := float64(lost)/600_000, 1.03/6.03; math.Abs(share-want) > 0.06 {
		t.Errorf("got %.3f lost, want about %.3f", share, want)
	}
	for _, r := range runs {
		if r < 199 || r > 3001 {
			t.Errorf("a gap lost %d datagrams 1 ms apart, want 200 to 3000", r)
		}
	}
}

func TestARateCarriesNoMoreAndQueuesNoMore(t *testing.T) {
	t.Parallel()
	l := Link{Rate: 100_000, Queue: 50_000}
	// Twice what the link carries, for 20 s.
	times := run(hopWith(10, l), 4000, 1000, 5*time.Millisecond)
	if share := lostShare(times); math.Abs(share-0.5) > 0.03 {
		t.Errorf("got %.3f lost at twice the rate, want 0.5", share)
	}
	most := time.Duration(0)
	for i, at := range times {
		if at >= 0 {
			most = max(most, at-time.Duration(i)*5*time.Millisecond)
		}
	}
	if (most - 500*time.Millisecond).Abs() > 20*time.Millisecond {
		t.Errorf("the queue delays by at most %v, want 500 ms", most)
	}
}

func TestAnMTULosesOnlyWhatIsLarger(t *testing.T) {
	t.Parallel()
	h := hopWith(11, Link{MTU: 1332})
	if _, drop := h.decide(0, 1332); drop != "" {
		t.Errorf("1332 bytes: %s", drop)
	}
	if _, drop := h.decide(0, 1333); drop != DropMTU {
		t.Errorf("1333 bytes: got %q, want mtu", drop)
	}
}

func drawLink(t *rapid.T) Link {
	ms := func(most int, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Millisecond
	}
	share := func(name string) float64 { return rapid.Float64Range(0, 1).Draw(t, name) }
	return Link{
		Latency: ms(500, "latency"), Jitter: ms(200, "jitter"), Loss: share("loss"),
		Reorder: share("reorder"), ReorderBy: ms(50, "reorder by"),
		Burst: Burst{Every: ms(5000, "every"), Shortest: ms(100, "shortest"), Longest: ms(4000, "longest"), Loss: share("burst loss")},
		Rate:  rapid.IntRange(0, 1_000_000).Draw(t, "rate"), Queue: rapid.IntRange(0, 100_000).Draw(t, "queue"),
		MTU: rapid.IntRange(0, 1500).Draw(t, "mtu"), Dead: rapid.Bool().Draw(t, "dead"),
	}
}

func TestTheSameSeedDecidesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, link := rapid.Uint64().Draw(t, "seed"), drawLink(t)
		a := run(hopWith(seed, link), 200, 1000, 3*time.Millisecond)
		b := run(hopWith(seed, link), 200, 1000, 3*time.Millisecond)
		if !slices.Equal(a, b) {
			t.Fatal("two runs differ")
		}
		for i, at := range a {
			if at >= 0 && at < time.Duration(i)*3*time.Millisecond+link.Latency {
				t.Fatalf("datagram %d left at %v, before its time", i, at)
			}
		}
	})
}

func TestAnotherSeedDecidesOtherwise(t *testing.T) {
	t.Parallel()
	l := Link{Loss: 0.5}
	if slices.Equal(run(hopWith(1, l), 100, 100, time.Millisecond), run(hopWith(2, l), 100, 100, time.Millisecond)) {
		t.Error("two seeds lose the same datagrams")
	}
}

func TestFaultsComeOnTopOfThePath(t *testing.T) {
	t.Parallel()
	base := Both(Link{Latency: 10 * time.Millisecond, Loss: 0.5, MTU: 1300})
	got := base.with([]Fault{Loss, LossUp, MTU, Latency, BlackHoleDown})
	want := Conditions{
		Up:   Link{Latency: 160 * time.Millisecond, Loss: 0.72, MTU: 1300},
		Down: Link{Latency: 160 * time.Millisecond, Loss: 0.6, MTU: 1300, Dead: true},
	}
	if math.Abs(got.Up.Loss-want.Up.Loss) > 1e-9 || math.Abs(got.Down.Loss-want.Down.Loss) > 1e-9 {
		t.Errorf("got loss %v and %v, want %v and %v", got.Up.Loss, got.Down.Loss, want.Up.Loss, want.Down.Loss)
	}
	got.Up.Loss, got.Down.Loss = want.Up.Loss, want.Down.Loss
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if base.with(nil) != base {
		t.Error("no fault changes the path")
	}
}
