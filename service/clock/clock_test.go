package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

var (
	built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// machine is a machine whose clocks can be moved.
type machine struct {
	Reading
	*Guard
}

func newMachine(wall, floor time.Time) *machine {
	m := &machine{Reading{Wall: wall, Mono: 3 * time.Minute}, New(built, floor)}
	m.look()
	return m
}

func (m *machine) look() time.Duration   { return m.Observe(m.Reading) }
func (m *machine) pass(d time.Duration)  { m.Wall, m.Mono = m.Wall.Add(d), m.Mono+d }
func (m *machine) sleep(d time.Duration) { m.Wall, m.Suspended = m.Wall.Add(d), m.Suspended+d }
func (m *machine) step(d time.Duration)  { m.Wall = m.Wall.Add(d) }
func (m *machine) send() bool            { return m.Initiate(m.Reading, m.Wall) }

func TestTrust(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wall  time.Time // at the start; zero: start
		floor time.Time
		do    func(m *machine)
		want  Trust
		may   bool
	}{
		{name: "time passes", do: func(m *machine) { m.pass(40 * day) }, want: OK, may: true},
		{name: "a sleep of a month is explained", do: func(m *machine) { m.sleep(30 * day) }, want: OK, may: true},
		{name: "a time zone set right", do: func(m *machine) { m.step(14 * time.Hour) }, want: OK, may: true},
		{name: "a jump of a day and a second", do: func(m *machine) { m.step(day + time.Second) }, want: Ahead},
		{name: "small steps add up", do: func(m *machine) {
			for range 7 {
				m.step(4 * time.Hour)
				m.look()
			}
		}, want: Ahead},
		{name: "a jump behind a sleep", do: func(m *machine) { m.sleep(8 * time.Hour); m.step(3 * year) }, want: Ahead},
		{name: "a jump that is taken back", do: func(m *machine) { m.step(3 * year); m.look(); m.step(-3 * year) }, want: OK, may: true},
		{name: "a jump, and twelve hours of being wrong", do: func(m *machine) { m.step(3 * year); m.look(); m.pass(12 * time.Hour) }, want: Ahead},
		{name: "back, then as far forward again", do: func(m *machine) { m.step(-3 * year); m.look(); m.step(3 * year) }, want: Ahead},
		{name: "a clock without battery", wall: time.Unix(0, 0), want: OK, may: true},
		{name: "a clock without battery is set", wall: time.Unix(0, 0), do: func(m *machine) { m.step(start.Sub(m.Wall)) }, want: Ahead},
		{name: "a start ten years after the build", wall: built.Add(Life + day), want: Ahead},
		{name: "a start nine years after the build", wall: built.Add(Life - year), want: OK, may: true},
		{name: "below the floor", floor: start.Add(8 * time.Hour), want: Behind, may: true},
		{name: "below the floor by less than a retry", floor: start.Add(4 * time.Second), want: OK, may: true},
		{name: "the floor is caught up with", floor: start.Add(8 * time.Hour), do: func(m *machine) { m.pass(8 * time.Hour) }, want: OK, may: true},
		{name: "set back after an initiation", do: func(m *machine) { m.pass(time.Hour); m.send(); m.step(-10 * time.Minute) }, want: Behind, may: true},
		{name: "set back without an initiation", do: func(m *machine) { m.pass(time.Hour); m.look(); m.step(-10 * time.Minute) }, want: OK, may: true},
		{name: "a page agrees", do: func(m *machine) { m.step(3 * year); m.Confirm(m.Reading, m.Wall.Add(-4*time.Minute)) }, want: OK, may: true},
		{name: "a page disagrees", do: func(m *machine) { m.step(3 * year); m.Confirm(m.Reading, start) }, want: Ahead},
		{name: "a page agrees, and it jumps again", do: func(m *machine) {
			m.step(3 * year)
			m.Confirm(m.Reading, m.Wall)
			m.step(2 * day)
		}, want: Ahead},
		{name: "the person says so", do: func(m *machine) { m.step(3 * year); m.Vouch(m.Reading) }, want: OK, may: true},
		{name: "the person says so after the program's life", wall: built.Add(Life + day), do: func(m *machine) { m.Vouch(m.Reading); m.pass(day) }, want: OK, may: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.wall.IsZero() {
				tt.wall = start
			}
			m := newMachine(tt.wall, tt.floor)
			if tt.do != nil {
				tt.do(m)
			}
			m.look()
			if got := m.State(); got.Trust != tt.want {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			if got := m.send(); got != tt.may {
				t.Errorf("an initiation may leave: %v, want %v", got, tt.may)
			}
		})
	}
}

func TestObserveTellsSteps(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(m *machine)
		want time.Duration
	}{
		{"time passes", func(m *machine) { m.pass(time.Hour) }, 0},
		{"a sleep", func(m *machine) { m.sleep(8 * time.Hour) }, 0},
		{"a daemon corrects by a second", func(m *machine) { m.pass(time.Minute); m.step(time.Second) }, 0},
		{"a drift of a thousandth", func(m *machine) { m.pass(10 * time.Hour); m.step(30 * time.Second) }, 0},
		{"an hour forward", func(m *machine) { m.pass(time.Minute); m.step(time.Hour) }, time.Hour},
		{"ten seconds back", func(m *machine) { m.step(-10 * time.Second) }, -10 * time.Second},
		{"an hour back over a sleep", func(m *machine) { m.sleep(8 * time.Hour); m.step(-time.Hour) }, -time.Hour},
	} {
		m := newMachine(start, time.Time{})
		tt.do(m)
		if got := m.look(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if got := m.look(); got != 0 {
			t.Errorf("%s: told again: %v", tt.name, got)
		}
	}
}

func TestStateTellsHowFar(t *testing.T) {
	m := newMachine(start, start.Add(8*time.Hour))
	if got := m.State(); got.Behind != 8*time.Hour || !got.Floor.Equal(start.Add(8*time.Hour)) {
		t.Errorf("got %+v, want 8h behind", got)
	}
	m = newMachine(start, time.Time{})
	m.step(2 * year)
	if m.Confirm(m.Reading, start) {
		t.Error("a page two years off confirms")
	}
	if got := m.State(); got.Jumped != 2*year || got.Wrong != 2*year || got.Outlived {
		t.Errorf("got %+v, want 2 years of jump and of being wrong", got)
	}
	m.step(-2*year - time.Minute)
	m.look()
	if got := m.State(); got != (State{Trust: OK}) {
		t.Errorf("after it was set right: got %+v", got)
	}
}

// Only the very next date after the floor may be ahead of the clock.
func TestInitiateAheadOfTheClock(t *testing.T) {
	floor := start.Add(8 * time.Hour)
	for _, tt := range []struct {
		name  string
		floor time.Time
		stamp time.Time
		want  bool
	}{
		{"the next after the floor", floor, floor.Add(Tick), true},
		{"a second after the floor", floor, floor.Add(time.Second), false},
		{"below the floor", floor, start.Add(time.Hour), true},
		{"a moment ahead without a floor", time.Time{}, start.Add(time.Second), true},
		{"an hour ahead without a floor", time.Time{}, start.Add(time.Hour), false},
	} {
		m := newMachine(start, tt.floor)
		if got := m.Initiate(m.Reading, tt.stamp); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		want := tt.floor
		if tt.want && tt.stamp.After(want) {
			want = tt.stamp
		}
		if got := m.State().Floor; !got.Equal(want) {
			t.Errorf("%s: the floor is %v, want %v", tt.name, got, want)
		}
	}
}

// Whatever happens to the clocks: without a confirmation no date leaves that is
// more than a day ahead of the best the clock ever told; the floor is the
// latest that left; and a machine whose clock nobody steps is never held up.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(start, time.Time{})
		var off, lowest time.Duration // of the clock against the truth
		var floor time.Time
		stepped := false
		span := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(40*day)).Draw(t, "span"))
		})
		t.Repeat(map[string]func(*rapid.T){
			"pass":  func(t *rapid.T) { m.pass(span.Draw(t, "passed") / 100) },
			"sleep": func(t *rapid.T) { m.sleep(span.Draw(t, "slept") / 100) },
			"step": func(t *rapid.T) {
				d := span.Draw(t, "forward") - span.Draw(t, "back")
				m.step(d)
				off, stepped = off+d, true
			},
			"look": func(*rapid.T) { m.look(); lowest = min(lowest, off) },
			"send": func(t *rapid.T) {
				lowest = min(lowest, off)
				may := m.send()
				if may && off-lowest > Jump {
					t.Fatalf("a date %v ahead has left", off-lowest)
				}
				if !may && !stepped {
					t.Fatal("held up without a step")
				}
				if may && m.Wall.After(floor) {
					floor = m.Wall
				}
			},
			"vouch": func(*rapid.T) { m.Vouch(m.Reading); lowest = off },
			"": func(t *rapid.T) {
				s := m.State()
				if !s.Floor.Equal(floor) {
					t.Fatalf("the floor is %v, want %v", s.Floor, floor)
				}
				if s.Trust == Behind && s.Behind <= 0 {
					t.Fatalf("behind by nothing: %+v", s)
				}
			},
		})
	})
}
