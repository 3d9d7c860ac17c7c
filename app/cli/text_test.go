package main

import (
	"math"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain", "plain"},
		{"naïve 世界", "naïve 世界"},
		{"two\nlines\tand\rmore", "two lines and more"},
		{"\x1b[31mred", `\u001b[31mred`},
		{"a\u202eb", `a\u202eb`},
		{"a\xffb", `a\xffb`},
		{"\u0085", `\u0085`},
	} {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range printable(string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))) {
			if !unicode.IsPrint(r) {
				t.Fatalf("got %U", r)
			}
		}
	})
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "0 s"}, {999 * time.Millisecond, "0 s"}, {time.Second, "1 s"}, {119 * time.Second, "119 s"},
		{2 * time.Minute, "2 min"}, {119 * time.Minute, "119 min"}, {2 * time.Hour, "2 h"}, {47 * time.Hour, "47 h"},
		{48 * time.Hour, "2 days"}, {math.MaxInt64, "106751 days"},
	} {
		if got := span(tt.d); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		n    float64
		want string
	}{
		{-1, "0 B"}, {math.NaN(), "0 B"}, {0, "0 B"}, {999, "999 B"}, {1000, "1.0 KiB"}, {1536, "1.5 KiB"},
		{1 << 20, "1.0 MiB"}, {12 << 30, "12 GiB"}, {math.MaxUint64, "16 EiB"},
	} {
		if got := size(tt.n); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestTableAndWrap(t *testing.T) {
	got := table([][]string{{"a", "bb"}, {"long", ""}, {"é", "x"}})
	if want := "a     bb\nlong\né     x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := wrap("", "  "); got != "" {
		t.Errorf("got %q for no text", got)
	}
	if got := wrap("one two", "  "); got != "  one two\n" {
		t.Errorf("got %q", got)
	}
}

func TestMoment(t *testing.T) {
	now := epoch
	for _, tt := range []struct {
		in   string
		want time.Time
	}{
		{"", time.Time{}},
		{"24h", now.Add(-24 * time.Hour)},
		{"90m", now.Add(-90 * time.Minute)},
		{"7d", now.AddDate(0, 0, -7)},
		{"2026-01-30T08:00:00Z", time.Date(2026, 1, 30, 8, 0, 0, 0, time.UTC)},
		{"2026-01-30", time.Date(2026, 1, 30, 0, 0, 0, 0, time.Local)},
	} {
		got, err := moment("--since", tt.in, now)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: got %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{"-1h", "soon", "d", "99999999d", "2026-13-01"} {
		if _, err := moment("--since", in, now); explain(err).code != exitUsage {
			t.Errorf("%q: got %v, want a usage error", in, err)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"json", "json", 0}, {"jsn", "json", 1}, {"josn", "json", 2}, {"", "ab", 2}} {
		if got := edits(tt.a, tt.b); got != tt.want {
			t.Errorf("%q %q: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
